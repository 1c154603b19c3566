package diff

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/clustersnap/clustersnap/manifests"
)

// Side is one view of the objects: a [*tree.Saved] of package manifests/tree, a [*storage.Side] of a snapshot of etcd, [Live],
// [Files], or another. Its methods but for Entries may be called several times at once.
//
// A side may also have any of these methods:
//
//   - Seen() *manifests.Report says what it has looked at once it has given its entries. What it has not looked at is then not
//     told as absent from it. A namespace that it was limited to and that is not there has an outcome that is listed, with "*"
//     as its resource.
//   - Classified(ctx, e) ([]byte, manifests.Class, error) is Object with the class, if that of its entries is only what
//     metadata tells.
//   - InVersion(ctx, e, apiVersion) ([]byte, error) is Object in the apiVersion of the other side, where that has another one.
//
// [*tree.Saved]: https://pkg.go.dev/github.com/clustersnap/clustersnap/manifests/tree#Saved
// [*storage.Side]: https://pkg.go.dev/github.com/clustersnap/clustersnap/manifests/storage#Side
type Side interface {
	// Entries gives every object once, in any order. An error is the last that it gives.
	//
	// Two entries with one hash are the same object, and so are two with one uid and one resource version: neither is read.
	// Hashes say more than versions where both sides have one. Empty fields say nothing.
	Entries(ctx context.Context) iter.Seq2[manifests.Entry, error]
	// Object gives one object in canonical form, as YAML or JSON. An error that wraps ErrGone says that it went away since
	// Entries gave it: it is absent then.
	Object(ctx context.Context, e manifests.Entry) ([]byte, error)
}

// Observed is a Side that says what it has looked at.
type Observed interface {
	Side
	// Seen is nil until Entries was read.
	Seen() *manifests.Report
}

// ErrGone is the error of a [Side] for an object that was there, and is not any more.
var ErrGone = errors.New("it went away since it was listed")

// What a side can do besides.
type (
	// looker knows what it has looked at.
	looker interface{ Seen() *manifests.Report }
	// placer knows where people find an object, such as a line of a file.
	placer interface {
		place(key manifests.Key) string
	}
	// lister has its entries in a slice, which is the caller's.
	lister interface {
		entries(ctx context.Context) ([]manifests.Entry, error)
	}
	// leveler knows the level of its canonical form, if it has no report that says so.
	leveler interface{ level() manifests.Level }
	// writer gives an object as it was written, if Object gives what a server makes of it.
	writer interface {
		written(ctx context.Context, e manifests.Entry) ([]byte, manifests.Class, error)
	}
	// classifier gives an object with its class, if that of its entry is only what metadata tells.
	classifier interface {
		Classified(ctx context.Context, e manifests.Entry) ([]byte, manifests.Class, error)
	}
	// versioned gives an object in any version of its group.
	versioned interface {
		InVersion(ctx context.Context, e manifests.Entry, apiVersion string) ([]byte, error)
	}
)

// classified gives an object of a side with its class.
func classified(ctx context.Context, s Side, e manifests.Entry) ([]byte, manifests.Class, error) {
	if c, ok := s.(classifier); ok {
		return c.Classified(ctx, e)
	}
	text, err := s.Object(ctx, e)
	return text, e.Class, err
}

// row is an object with its entry on each side, nil where it is absent.
type row [sides]*manifests.Entry

// The sides of a row. There is no base in a comparison of two.
const (
	base = iota
	before
	after
	sides
)

// any gives one of the entries. There is one, or there would be no row.
func (r row) any() *manifests.Entry { return cmp.Or(r[:]...) }

// setClass corrects the class that a side has an object in.
func (r *row) setClass(side int, class manifests.Class) {
	e := *r[side]
	e.Class = class
	r[side] = &e
}

// otherwise gives the row with the classes that its objects may be of instead.
func (r row) otherwise() row {
	for i, e := range r {
		if e != nil && e.OtherClass() != "" {
			r.setClass(i, e.OtherClass())
		}
	}
	return r
}

func (r row) key() manifests.Key { return r.any().Key }

// same reports whether the entries show, without a look at the objects, that both are the same or both are absent.
func same(x, y *manifests.Entry) bool {
	switch {
	case x == nil || y == nil:
		return x == y
	case x.Hash != "" && y.Hash != "":
		return x.Hash == y.Hash
	}
	return x.UID != "" && x.UID == y.UID && x.ResourceVersion != "" && x.ResourceVersion == y.ResourceVersion
}

// entries reads those of a side, in the order of their keys.
func entries(ctx context.Context, s Side) ([]manifests.Entry, error) {
	list, err := collected(ctx, s)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(x, y manifests.Entry) int { return x.Key.Compare(y.Key) })
	for i := 1; i < len(list); i++ {
		if list[i].Key == list[i-1].Key {
			return nil, fmt.Errorf("%v is listed twice", list[i].Key)
		}
	}
	return list, nil
}

// collected gives the entries in a slice of the caller's.
func collected(ctx context.Context, s Side) (list []manifests.Entry, err error) {
	if s, ok := s.(lister); ok {
		return s.entries(ctx)
	}
	for e, err := range s.Entries(ctx) {
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

// rows joins sorted lists.
func rows(lists [sides][]manifests.Entry) iter.Seq[row] {
	return func(yield func(row) bool) {
		for {
			first := -1
			for i, list := range lists {
				if len(list) > 0 && (first < 0 || list[0].Key.Compare(lists[first][0].Key) < 0) {
					first = i
				}
			}
			if first < 0 {
				return
			}
			var r row
			key := lists[first][0].Key
			for i, list := range lists {
				if len(list) > 0 && list[0].Key == key {
					r[i], lists[i] = &list[0], list[1:]
				}
			}
			if !yield(r) {
				return
			}
		}
	}
}
