package proof

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/clustersnap/clustersnap/manifests"
)

// row is one object that the dump names.
type row struct {
	manifests.Key
	uid     string
	version string // as the dump has it
	rv      int64  // the same as a number, or 0 if it is none
	matched bool
	lost    bool // its content is not there, which was said already
}

// dumped is what a dump names, small enough for all objects of a cluster: its text is shared with the dump.
type dumped struct {
	rows []row   // in the order of their keys
	byRV []int32 // places in rows, in the order of rv
}

// load reads what the dump names. What is kept of each goes to the ledger unless it is all.
func load(ctx context.Context, d Dump, l *ledger) (*dumped, error) {
	var t dumped
	for e, err := range d.Entries {
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return nil, err
		}
		r := row{Key: e.Key, uid: e.UID, version: e.ResourceVersion}
		r.rv, _ = strconv.ParseInt(e.ResourceVersion, 10, 64)
		if d.Kept != nil {
			err = d.Kept(ctx, e)
		}
		f := Finding{Key: e.Key, ObjectKind: e.Kind, UID: e.UID, ResourceVersion: e.ResourceVersion}
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, ErrWithheld):
			f.Is, f.Why = Withheld, err.Error()
			l.add(f)
		default:
			r.lost = true
			f.Is, f.Why = Unsaved, "the dump names it, and can't give it: "+err.Error()
			l.add(f)
		}
		t.rows = append(t.rows, r)
	}
	if !slices.IsSortedFunc(t.rows, compareRows) {
		slices.SortFunc(t.rows, compareRows)
	}
	for i := 1; i < len(t.rows); i++ {
		if t.rows[i].Key == t.rows[i-1].Key {
			return nil, fmt.Errorf("the dump names %v twice", t.rows[i].Key)
		}
	}
	t.byRV = make([]int32, len(t.rows))
	for i := range t.byRV {
		t.byRV[i] = int32(i)
	}
	slices.SortFunc(t.byRV, func(a, b int32) int { return cmp.Compare(t.rows[a].rv, t.rows[b].rv) })
	return &t, nil
}

func compareRows(a, b row) int { return a.Key.Compare(b.Key) }

// at finds the object of a key, or nil.
func (t *dumped) at(k manifests.Key) *row {
	i, ok := slices.BinarySearchFunc(t.rows, k, func(r row, k manifests.Key) int { return r.Key.Compare(k) })
	if !ok {
		return nil
	}
	return &t.rows[i]
}

// find gives the object that a key of etcd is of, or nil. In most cases that is the one of the same place. Where the key
// does not say its group, or the dump has listed the object in another one, it is the one of that name with the same uid,
// or with the same revision, of which there is one in a store.
func (t *dumped) find(s stored) *row {
	if r := t.at(s.Key); r != nil && s.Name != "" {
		return r
	}
	i, _ := slices.BinarySearchFunc(t.byRV, s.mod, func(i int32, rv int64) int { return cmp.Compare(t.rows[i].rv, rv) })
	for ; i < len(t.byRV); i++ {
		r := &t.rows[t.byRV[i]]
		if r.rv != s.mod {
			break
		}
		alike := r.Resource == s.Resource || s.uid != "" // of an object in another place the uid has to tell
		if alike && r.Namespace == s.Namespace && r.Name == s.Name && (s.uid == "" || s.uid == r.uid) {
			return r
		}
	}
	return t.renamed(s)
}

// renamed finds the object of the same uid in another group.
func (t *dumped) renamed(s stored) *row {
	from := manifests.Key{Namespace: s.Namespace, Resource: s.Resource}
	for s.uid != "" {
		i, _ := slices.BinarySearchFunc(t.rows, from, func(r row, k manifests.Key) int { return r.Key.Compare(k) })
		if i == len(t.rows) || t.rows[i].Namespace != s.Namespace || t.rows[i].Resource != s.Resource {
			return nil
		}
		group := t.rows[i].Group
		r := t.at(manifests.Key{Group: group, Resource: s.Resource, Namespace: s.Namespace, Name: s.Name})
		if r != nil && r.uid == s.uid {
			return r
		}
		from.Group = group + "\x00" // the next one
	}
	return nil
}
