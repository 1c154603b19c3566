package manifests

import "bytes"

// flowDepth is the depth from which mappings and lists are written on one line, as JSON is: below it, the indentation of a
// small object that is nested deep would make a huge file.
const flowDepth = 64

// maxImplicitKey is how long a written key may be for a colon alone to mark it. YAML has a limit of 1024 characters.
const maxImplicitKey = 1000

// yamlWriter writes a tree as one YAML document, in the one way that is canonical here: mappings in block style with two
// spaces of indentation, lists at the column of their key as kubectl has them, and scalars as style says.
type yamlWriter struct {
	*jsonTree
	out []byte
}

// write appends what a mapping, the root, holds.
func (w *yamlWriter) write(root *node) {
	if w.empty(root) {
		w.out = append(w.out, "{}\n"...)
		return
	}
	w.mapping(root, 0, 0)
}

// mapping writes the members of a mapping at a column. The first goes where the line has come to.
func (w *yamlWriter) mapping(n *node, column, depth int) {
	first := true
	for i := n.lo; i < n.hi; i++ {
		member := &w.nodes[i]
		if member.gone {
			continue
		}
		if !first {
			w.indent(column)
		}
		first = false
		start := len(w.out)
		w.key(w.bytes(member.key))
		if len(w.out)-start > maxImplicitKey {
			w.out = append(w.out[:start], "? "...)
			w.key(w.bytes(member.key))
			w.out = append(w.out, '\n')
			w.indent(column)
		}
		w.out = append(w.out, ':')
		w.value(member, column, depth+1)
	}
}

// value writes the value of a member, after its colon, and ends the line.
func (w *yamlWriter) value(n *node, column, depth int) {
	switch {
	case n.shape == shapeText:
		w.out = append(w.out, ' ')
		w.text(w.bytes(n.text), column)
	case n.shape == shapeMapping && !w.empty(n) && depth < flowDepth:
		w.out = append(w.out, '\n')
		w.indent(column + 2)
		w.mapping(n, column+2, depth)
	case n.shape == shapeList && !w.empty(n) && depth < flowDepth:
		w.out = append(w.out, '\n')
		w.indent(column)
		w.list(n, column, depth)
	default:
		w.out = append(w.out, ' ')
		w.flow(n)
		w.out = append(w.out, '\n')
	}
}

// list writes the items of a list at a column. The first goes where the line has come to.
func (w *yamlWriter) list(n *node, column, depth int) {
	first := true
	for i := n.lo; i < n.hi; i++ {
		item := &w.nodes[i]
		if item.gone {
			continue
		}
		if !first {
			w.indent(column)
		}
		first = false
		w.out = append(w.out, '-', ' ')
		switch {
		case item.shape == shapeText:
			w.text(w.bytes(item.text), column)
		case item.shape == shapeMapping && !w.empty(item) && depth+1 < flowDepth:
			w.mapping(item, column+2, depth+1)
		case item.shape == shapeList && !w.empty(item) && depth+1 < flowDepth:
			w.list(item, column+2, depth+1)
		default:
			w.flow(item)
			w.out = append(w.out, '\n')
		}
	}
}

// flow writes a value on the line, as JSON but with what YAML would misread escaped.
func (w *yamlWriter) flow(n *node) {
	switch n.shape {
	case shapeText:
		w.quoted(w.bytes(n.text))
	case shapeMapping:
		w.flowed(n, '{', '}')
	case shapeList:
		w.flowed(n, '[', ']')
	default:
		w.out = append(w.out, w.bytes(n.text)...)
	}
}

func (w *yamlWriter) flowed(n *node, opening, closing byte) {
	w.out = append(w.out, opening)
	first := true
	for i := n.lo; i < n.hi; i++ {
		child := &w.nodes[i]
		if child.gone {
			continue
		}
		if !first {
			w.out = append(w.out, ", "...)
		}
		first = false
		if n.shape == shapeMapping {
			key := w.bytes(child.key)
			if len(key) > maxImplicitKey/len(`\u0000`) {
				w.out = append(w.out, "? "...)
			}
			w.quoted(key)
			w.out = append(w.out, ": "...)
		}
		w.flow(child)
	}
	w.out = append(w.out, closing)
}

const spaces = "                                                                "

func (w *yamlWriter) indent(column int) {
	for ; column > len(spaces); column -= len(spaces) {
		w.out = append(w.out, spaces...)
	}
	w.out = append(w.out, spaces[:column]...)
}

// key writes a key on the line.
func (w *yamlWriter) key(key []byte) {
	s := styleOf(key)
	if s == styleBlock {
		s = styleDouble
	}
	w.scalar(key, s)
}

// text writes a string as a value, and ends the line. Column is that of the mapping or list it is in.
func (w *yamlWriter) text(value []byte, column int) {
	if s := styleOf(value); s != styleBlock {
		w.scalar(value, s)
		w.out = append(w.out, '\n')
		return
	}
	w.block(value, column+2)
}

// scalar writes a string on the line.
func (w *yamlWriter) scalar(value []byte, s style) {
	switch s {
	case stylePlain:
		w.out = append(w.out, value...)
	case styleSingle:
		w.out = append(w.out, '\'')
		for i := bytes.IndexByte(value, '\''); i >= 0; i = bytes.IndexByte(value, '\'') {
			w.out = append(w.out, value[:i+1]...)
			w.out = append(w.out, '\'')
			value = value[i+1:]
		}
		w.out = append(w.out, value...)
		w.out = append(w.out, '\'')
	default:
		w.quoted(value)
	}
}
