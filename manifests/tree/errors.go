package tree

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrCorrupt is wrapped by errors about a file that is not what was written. Take the index from git or from
	// another copy, or dump into an empty directory.
	ErrCorrupt = errors.New("tree is corrupt")
	// ErrNewer is wrapped by errors about a tree that a newer version of this package wrote.
	ErrNewer = errors.New("tree is too new")
	// ErrLocked is wrapped by the error of Open while another process has the tree open.
	ErrLocked = errors.New("another process writes this tree")
	// ErrNarrower is wrapped by errors about a dump that would take away what was never gone: it selects less than the
	// one that the tree holds, or treats Secrets so that less is kept. Select the same, or dump into an empty directory.
	ErrNarrower = errors.New("tree holds more than this dump selects")
	// ErrNotKept is wrapped by the error of [Saved.Object] for a Secret that was excluded.
	ErrNotKept = errors.New("the content of this Secret was not kept")
	// ErrSealed is wrapped by the error of [Saved.Object] for an encrypted Secret that no identity opens.
	ErrSealed = errors.New("no identity opens this Secret")
)

var (
	// errNoDump is about a method out of its order.
	errNoDump = errors.New("there is no dump: it takes Begin first, and again after an error")
	errTwice  = errors.New("it came before: a dump has every object once")
)

// StrayError is about files that lie where an object has to go, and that the index does not know. Nothing has been
// changed.
type StrayError struct{ Paths []string }

func (e *StrayError) Error() string {
	shown := e.Paths[:min(len(e.Paths), 5)]
	return fmt.Sprintf("%d files are in the way that are not in the index: move them away: %s",
		len(e.Paths), strings.Join(shown, ", "))
}
