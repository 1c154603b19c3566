package storage

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests"
)

// census counts what a side has.
type census struct {
	decoder  *Decoder
	revision int64
	outcomes map[manifests.Key]*manifests.Outcome // by group and resource
	moved    map[manifests.Key]string             // where those are that EtcdKey does not find
	total    int
	unknown  int    // keys
	example  []byte // of them
}

func newCensus(d *Decoder, revision int64) *census {
	return &census{
		decoder: d, revision: revision,
		outcomes: map[manifests.Key]*manifests.Outcome{}, moved: map[manifests.Key]string{},
	}
}

func (c *census) count(e manifests.Entry, kv *mvccpb.KeyValue) {
	of := manifests.Key{Group: e.Group, Resource: e.Resource}
	o := c.outcomes[of]
	if o == nil {
		o = &manifests.Outcome{State: manifests.Listed, Resource: manifests.Resource{
			Group: e.Group, Version: e.Version, Resource: e.Resource, Kind: e.Kind, Namespaced: e.Namespace != "",
		}}
		c.outcomes[of] = o
	}
	o.Objects++
	c.total++
	if EtcdKey(e.Key, c.decoder.prefix) != string(kv.Key) {
		c.moved[e.Key] = string(kv.Key)
	}
}

// passOver counts a key that is of no object, if it should be known what it is for.
func (c *census) passOver(kv *mvccpb.KeyValue) {
	if Locate(kv.Key, c.decoder.prefix).Use != Unknown {
		return
	}
	if c.unknown++; c.example == nil {
		c.example = kv.Key
	}
}

// byGroup is the order of the outcomes of a report.
func byGroup(x, y manifests.Key) int {
	return cmp.Or(cmp.Compare(x.Group, y.Group), cmp.Compare(x.Resource, y.Resource))
}

// report says it as that of a dump does.
func (c *census) report() *manifests.Report {
	r := &manifests.Report{
		Instant:   manifests.Instant{ResourceVersion: strconv.FormatInt(c.revision, 10)},
		Selection: manifests.Selection{Level: c.decoder.level}, Objects: c.total,
	}
	for _, of := range slices.SortedFunc(maps.Keys(c.outcomes), byGroup) {
		r.Outcomes = append(r.Outcomes, *c.outcomes[of])
	}
	if c.unknown > 0 {
		r.Outcomes = slices.Insert(r.Outcomes, 0, manifests.Outcome{
			Resource: manifests.Resource{Resource: "(unknown)"}, State: manifests.Failed, Objects: c.unknown,
			Why: fmt.Sprintf("%d keys are like nothing that an API server writes, such as %s", c.unknown, printable(c.example)),
		})
	}
	return r
}
