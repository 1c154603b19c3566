package manifests

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// maxDepth is how deep values may be nested, as in encoding/json and so in the API server.
const maxDepth = 10000

// shape is what kind of value a node is.
type shape uint8

const (
	shapeMapping  shape = iota // a JSON object
	shapeList                  // a JSON array
	shapeText                  // a string
	shapeNumber                // a number
	shapeLiteral               // true, false or null
	shapeUnparsed              // a value that was checked and not taken apart
)

// span is a piece of the source.
type span struct{ start, end uint32 }

// node is one value of a tree. It holds no pointer, so that the garbage collector need not look into a tree.
type node struct {
	shape shape
	gone  bool // a rule took it out
	key   span // of a member of a mapping: decoded
	text  span // of a string: decoded. Of other scalars, and of what is unparsed: as it stands
	lo    uint32
	hi    uint32 // the children are nodes[lo:hi] of the tree
}

// place is where in an object a value stands, as far as it matters to the reader: half of an object is often its
// metadata.managedFields[].fieldsV1, which few ask for.
type place uint8

const (
	elsewhere place = iota
	atRoot
	atMetadata
	atManagedFields
	atFields
)

// member is where the member with this key of a mapping at p stands.
func (p place) member(key []byte) place {
	switch {
	case p == elsewhere:
	case p == atRoot && string(key) == "metadata":
		return atMetadata
	case p == atMetadata && string(key) == "managedFields":
		return atManagedFields
	case p == atManagedFields && string(key) == "fieldsV1":
		return atFields
	}
	return elsewhere
}

// jsonTree is one JSON value taken apart. The members of a mapping are sorted by key, the items of a list are as they
// stood. It can be read into again and again, and what it held before is lost then.
type jsonTree struct {
	src   []byte // where spans point to. Strings are decoded in place: that makes none longer.
	nodes []node // each after its children

	pos  int
	end  int
	open []node // the children read so far of the values that are open
}

// read takes src apart, which is the tree's from then on, and gives the root.
func (d *jsonTree) read(src []byte, at place) (*node, error) {
	if len(src) > math.MaxInt32 {
		return nil, fmt.Errorf("%d bytes are too many for one object", len(src))
	}
	if !utf8.Valid(src) {
		return nil, errors.New("the JSON is not UTF-8")
	}
	d.src, d.nodes = src, d.nodes[:0]
	return d.part(span{0, uint32(len(src))}, at)
}

// part takes a span of the source apart that holds one value, keeps what the tree holds already, and gives the root of
// the part. Pointers to nodes are not valid any more.
func (d *jsonTree) part(of span, at place) (*node, error) {
	d.pos, d.end, d.open = int(of.start), int(of.end), d.open[:0]
	if err := d.value(span{}, 0, at); err != nil {
		return nil, err
	}
	if d.space(); d.pos < d.end {
		return nil, d.broken("more after the end of the value")
	}
	d.nodes = append(d.nodes, d.open[0])
	return &d.nodes[len(d.nodes)-1], nil
}

func (d *jsonTree) broken(what string) error {
	return fmt.Errorf("the JSON is broken at byte %d: %s", d.pos, what)
}

func (d *jsonTree) space() {
	for d.pos < d.end {
		switch d.src[d.pos] {
		case ' ', '\n', '\t', '\r':
			d.pos++
		default:
			return
		}
	}
}

// next gives the next byte that is not a space, without passing it, and 0 at the end.
func (d *jsonTree) next() byte {
	if d.space(); d.pos < d.end {
		return d.src[d.pos]
	}
	return 0
}

// value reads one value onto d.open.
func (d *jsonTree) value(key span, depth int, at place) error {
	if depth > maxDepth {
		return d.broken("nested too deep")
	}
	c := d.next()
	if at == atFields && (c == '{' || c == '[') {
		start := uint32(d.pos)
		err := d.skip(depth)
		d.open = append(d.open, node{shape: shapeUnparsed, key: key, text: span{start, uint32(d.pos)}})
		return err
	}
	switch c {
	case '{':
		return d.mapping(key, depth, at)
	case '[':
		return d.list(key, depth, at)
	}
	n := node{key: key}
	var err error
	n.shape, n.text, err = d.scalar(c)
	d.open = append(d.open, n)
	return err
}

func (d *jsonTree) mapping(key span, depth int, at place) error {
	d.pos++
	first := len(d.open)
	for more := d.next() != '}'; more; {
		if d.next() != '"' {
			return d.broken("want a key")
		}
		name, err := d.text()
		if err != nil {
			return err
		}
		if d.next() != ':' {
			return d.broken("want a colon after a key")
		}
		d.pos++
		if err := d.value(name, depth+1, at.member(d.bytes(name))); err != nil {
			return err
		}
		if more, err = d.another('}'); err != nil {
			return err
		}
	}
	d.pos++
	if err := d.sort(d.open[first:]); err != nil {
		return err
	}
	d.close(node{shape: shapeMapping, key: key}, first)
	return nil
}

func (d *jsonTree) list(key span, depth int, at place) error {
	d.pos++
	first := len(d.open)
	if at != atManagedFields {
		at = elsewhere
	}
	for more := d.next() != ']'; more; {
		err := d.value(span{}, depth+1, at)
		if err != nil {
			return err
		}
		if more, err = d.another(']'); err != nil {
			return err
		}
	}
	d.pos++
	d.close(node{shape: shapeList, key: key}, first)
	return nil
}

// another reports whether a comma follows, which is passed, rather than the end of a mapping or list, which is not.
func (d *jsonTree) another(end byte) (bool, error) {
	switch d.next() {
	case ',':
		d.pos++
		return true, nil
	case end:
		return false, nil
	}
	return false, d.broken("want a comma or " + string(end))
}

// close moves the children of a value from d.open, where they start at first, to their place, and puts the value there.
func (d *jsonTree) close(n node, first int) {
	n.lo = uint32(len(d.nodes))
	d.nodes = append(d.nodes, d.open[first:]...)
	n.hi = uint32(len(d.nodes))
	d.open = append(d.open[:first], n)
}

// sort orders members by the bytes of their keys. A key that is there twice is an error: readers differ in which they take.
func (d *jsonTree) sort(members []node) error {
	byKey := func(a, b node) int { return bytes.Compare(d.bytes(a.key), d.bytes(b.key)) }
	if !slices.IsSortedFunc(members, byKey) {
		slices.SortFunc(members, byKey)
	}
	for i := 1; i < len(members); i++ {
		if byKey(members[i-1], members[i]) == 0 {
			return fmt.Errorf("the key %q is there twice in one mapping", d.bytes(members[i].key))
		}
	}
	return nil
}

// skip passes a value, checked as well as value does but for keys that are there twice.
func (d *jsonTree) skip(depth int) error {
	if depth > maxDepth {
		return d.broken("nested too deep")
	}
	open := d.next()
	if open != '{' && open != '[' {
		_, _, err := d.scalar(open)
		return err
	}
	end := open + 2 // of both in ASCII
	d.pos++
	for more := d.next() != end; more; {
		if open == '{' {
			if d.next() != '"' {
				return d.broken("want a key")
			}
			if err := d.passText(); err != nil {
				return err
			}
			if d.next() != ':' {
				return d.broken("want a colon after a key")
			}
			d.pos++
		}
		err := d.skip(depth + 1)
		if err != nil {
			return err
		}
		if more, err = d.another(end); err != nil {
			return err
		}
	}
	d.pos++
	return nil
}
