package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob"
)

// objectsMost is how many objects a folder may have: a URL that names something else than a folder of sets should not be read
// for hours.
const objectsMost = 200_000

var errTooMany = fmt.Errorf("it has more than %d objects: give a folder of sets alone", objectsMost)

// Listing is what is in a folder. Other objects are nobody's concern, and are not in it.
type Listing struct {
	// Sets are those that are there whole, the newest first.
	Sets []Receipt `json:"sets"`
	// Broken are receipts that are of no use, or whose set is not there as they say. Nothing takes them away.
	Broken []Broken `json:"broken,omitempty"`
	// Leftovers are what uploads have left that did not come to their end, or have not yet.
	Leftovers []Leftover `json:"leftovers,omitempty"`
}

// Broken is a receipt of no use.
type Broken struct {
	Set string `json:"set"`
	Why string `json:"why"`
}

// Kind says what was left.
type Kind string

const (
	// Uncommitted is a set without a receipt.
	Uncommitted Kind = "set without receipt"
	// Parts are the parts of a multipart upload: invisible, and paid for.
	Parts Kind = "parts of an upload"
	// Temporary is a file under a temporary name.
	Temporary Kind = "temporary file"
)

// Leftover is what an upload has left.
type Leftover struct {
	Kind Kind      `json:"kind"`
	Name string    `json:"name"` // of the set, or of the temporary file
	Time time.Time `json:"time"` // of the last change, or of the beginning of a multipart upload
	Size int64     `json:"size,omitempty"`

	upload string // S3's id of a multipart upload
}

// object is one of a folder.
type object struct {
	size int64
	time time.Time
}

// List reads the receipts of a folder, and looks for what uploads have left. It needs no identity.
func (s *Store) List(ctx context.Context) (*Listing, error) {
	objects, err := s.objects(ctx)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", s.short(""), err)
	}
	var l Listing
	for name, o := range objects {
		switch {
		case strings.HasSuffix(name, receiptExtension):
			set := strings.TrimSuffix(name, receiptExtension)
			if checkName(set) != nil {
				continue // somebody else's
			}
			text, err := s.receiptText(ctx, set)
			if errors.Is(err, fs.ErrNotExist) {
				continue // pruned meanwhile
			}
			if err != nil { // of the store, not of the receipt: the next one would fare no better
				return nil, fmt.Errorf("list %s: %s%s: %w", s.short(""), set, receiptExtension, err)
			}
			r, err := receiptOf(set, text)
			if err == nil {
				err = held(r, objects)
			}
			if err != nil {
				l.Broken = append(l.Broken, Broken{set, err.Error()})
				continue
			}
			l.Sets = append(l.Sets, r)
		case checkName(name) == nil:
			if _, ok := objects[name+receiptExtension]; !ok {
				l.Leftovers = append(l.Leftovers, Leftover{Kind: Uncommitted, Name: name, Time: o.time, Size: o.size})
			}
		case s.temporary(name):
			l.Leftovers = append(l.Leftovers, Leftover{Kind: Temporary, Name: name, Time: o.time, Size: o.size})
		}
	}
	parts, err := s.unfinished(ctx)
	if err != nil {
		return nil, fmt.Errorf("list unfinished uploads of %s: %w", s.short(""), err)
	}
	l.Leftovers = append(l.Leftovers, parts...)
	l.sort()
	return &l, nil
}

func (l *Listing) sort() {
	slices.SortFunc(l.Sets, func(a, b Receipt) int {
		if c := b.Created.Compare(a.Created); c != 0 {
			return c
		}
		return strings.Compare(a.Set, b.Set)
	})
	slices.SortFunc(l.Broken, func(a, b Broken) int { return strings.Compare(a.Set, b.Set) })
	slices.SortFunc(l.Leftovers, func(a, b Leftover) int {
		return strings.Compare(a.Name+"\x00"+a.upload, b.Name+"\x00"+b.upload)
	})
}

// held holds a receipt against what was listed.
func held(r Receipt, objects map[string]object) error {
	o, ok := objects[r.Set]
	if !ok {
		return errors.New("there is a receipt without its set: copy the set to it, or delete " +
			"SET.receipt.json by hand if nobody needs it")
	}
	if o.size != r.Size {
		return fmt.Errorf("the set has %d bytes, and its receipt says %d", o.size, r.Size)
	}
	return nil
}

// objects lists the folder, and no folder in it.
func (s *Store) objects(ctx context.Context) (map[string]object, error) {
	if s.dir != "" {
		return s.files(ctx)
	}
	ctx, guard := watch(ctx, s.stall)
	defer guard.end()
	objects := map[string]object{}
	for list := s.bucket.List(&blob.ListOptions{Prefix: s.prefix, Delimiter: "/"}); ; {
		o, err := list.Next(ctx)
		if err == io.EOF {
			return objects, nil
		}
		if err != nil {
			return nil, guard.why(missing(err))
		}
		guard.moved()
		if len(objects) == objectsMost {
			return nil, errTooMany
		}
		if name := strings.TrimPrefix(o.Key, s.prefix); !o.IsDir {
			objects[name] = object{o.Size, o.ModTime}
		}
	}
}

// files lists a directory of this machine. The driver's own list takes one that can't be read, or is behind a link, for empty,
// and ends with an error where a file goes meanwhile.
func (s *Store) files(ctx context.Context) (map[string]object, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	if len(entries) > objectsMost {
		return nil, errTooMany
	}
	objects := map[string]object{}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return nil, err
		}
		objects[e.Name()] = object{info.Size(), info.ModTime()}
	}
	return objects, nil
}

// temporary reports whether a name is one that the driver for disks gives to what is being written: NAME.HEX.tmp.
func (s *Store) temporary(name string) bool {
	name, ok := strings.CutSuffix(name, ".tmp")
	at := strings.LastIndexByte(name, '.')
	if !ok || at < 0 || at == len(name)-1 || s.dir == "" || strings.Trim(name[at+1:], "0123456789abcdef") != "" {
		return false
	}
	return checkName(strings.TrimSuffix(name[:at], receiptExtension)) == nil
}
