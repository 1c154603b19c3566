package manifests

import (
	"bytes"
	"cmp"
)

// bytes gives what a span covers. It is not to be changed.
func (d *jsonTree) bytes(s span) []byte { return d.src[s.start:s.end] }

// add adds text to the source.
func (d *jsonTree) add(s string) span {
	start := len(d.src)
	d.src = append(d.src, s...)
	return span{uint32(start), uint32(len(d.src))}
}

// children are the members of a mapping or the items of a list, with those that are gone.
func (d *jsonTree) children(n *node) []node {
	if n == nil {
		return nil
	}
	return d.nodes[n.lo:n.hi]
}

// empty reports whether nothing is left of the children.
func (d *jsonTree) empty(n *node) bool {
	for i := n.lo; i < n.hi; i++ {
		if !d.nodes[i].gone {
			return false
		}
	}
	return true
}

// child follows keys from one mapping to the next, and gives nil where there is none, or where it is gone.
func (d *jsonTree) child(n *node, keys ...string) *node {
	for _, key := range keys {
		if n = d.member(n, key); n == nil {
			return nil
		}
	}
	return n
}

func (d *jsonTree) member(n *node, key string) *node {
	if n == nil || n.shape != shapeMapping {
		return nil
	}
	members := d.nodes[n.lo:n.hi]
	for i := range members {
		if m := &members[i]; !m.gone && string(d.bytes(m.key)) == key {
			return m
		}
	}
	return nil
}

// items gives the items of a list that keys lead to, with those that are gone.
func (d *jsonTree) items(n *node, keys ...string) []node {
	if n = d.child(n, keys...); n == nil || n.shape != shapeList {
		return nil
	}
	return d.nodes[n.lo:n.hi]
}

// string gives the text that keys lead to, empty if it is none. It is not to be changed.
func (d *jsonTree) string(n *node, keys ...string) []byte {
	if n = d.child(n, keys...); n == nil || n.shape != shapeText {
		return nil
	}
	return d.bytes(n.text)
}

// has reports whether keys lead to this text, number or literal.
func (d *jsonTree) has(value string, n *node, keys ...string) bool {
	n = d.child(n, keys...)
	return n != nil && n.shape != shapeMapping && n.shape != shapeList && string(d.bytes(n.text)) == value
}

// compare gives any order of values that does not depend on where they stand.
func (d *jsonTree) compare(a, b *node) int {
	if a.shape != b.shape {
		return cmp.Compare(a.shape, b.shape)
	}
	if order := bytes.Compare(d.bytes(a.key), d.bytes(b.key)); order != 0 {
		return order
	}
	if order := bytes.Compare(d.bytes(a.text), d.bytes(b.text)); order != 0 {
		return order
	}
	as, bs := d.children(a), d.children(b)
	for i := range min(len(as), len(bs)) {
		if order := d.compare(&as[i], &bs[i]); order != 0 {
			return order
		}
	}
	return cmp.Compare(len(as), len(bs))
}
