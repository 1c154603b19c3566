package storage

import (
	"bytes"
	"fmt"

	"github.com/clustersnap/clustersnap/internal/atrest"
)

// common is what all keys of a dump begin with.
type common struct {
	some   bool
	prefix []byte
}

func (c *common) add(key []byte) {
	if !c.some {
		c.some, c.prefix = true, bytes.Clone(key)
		return
	}
	n := 0
	for n < min(len(c.prefix), len(key)) && c.prefix[n] == key[n] {
		n++
	}
	c.prefix = c.prefix[:n]
}

// whole holds that the keys are not those of one kind or one namespace: then they would all begin with it. No API server runs
// that has not written several kinds.
func (d *dump) whole() error {
	if rest, below := atrest.Below(d.keys.prefix, d.decoder.prefix); below && rest != "" {
		return fmt.Errorf("all keys begin with %s: a dump is of all that are below %s, and a selection narrows it",
			printable(d.keys.prefix), d.decoder.prefix)
	}
	return nil
}
