package diff

import (
	"maps"
	"reflect"
	"slices"
)

// walker compares trees of an object: maps, lists, strings, booleans, json.Number and null. A nil is what is absent.
type walker struct {
	three  bool // there is a base
	fields []Field
}

func equal(x, y any) bool { return reflect.DeepEqual(x, y) }

// differ reports whether there is anything to tell of a place.
func (w *walker) differ(v [sides]any) bool {
	return !equal(v[before], v[after]) || w.three && !equal(v[base], v[before])
}

// walk compares what stands at a path, the value of the field name.
func (w *walker) walk(path, name string, v [sides]any) {
	if !w.differ(v) {
		return
	}
	if w.three && v[base] == nil && equal(v[before], v[after]) {
		w.add(path, v)
	} else if m, ok := allOf[map[string]any](v); ok {
		w.walkMaps(path, m)
	} else if lists, ok := allOf[[]any](v); ok {
		w.walkLists(path, name, v, lists)
	} else {
		w.add(path, v)
	}
}

// allOf gives the values as T if both sides are of that type, and the base if it is there.
func allOf[T any](v [sides]any) (all [sides]T, ok bool) {
	for i, value := range v {
		if all[i], ok = value.(T); !ok && (i != base || value != nil) {
			return all, false
		}
	}
	return all, true
}

func (w *walker) walkMaps(path string, m [sides]map[string]any) {
	keys := map[string]bool{}
	for _, side := range m {
		for key := range side {
			keys[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		w.walk(child(path, key), key, [sides]any{m[base][key], m[before][key], m[after][key]})
	}
}

// walkLists compares lists by what tells their elements apart. Without that, two lists are compared by position, but for
// what they begin and end with alike, and three as a whole.
func (w *walker) walkLists(path, name string, v [sides]any, lists [sides][]any) {
	if keyed, ok := byKeys(name, lists); ok {
		w.walkKeyed(path, keyed)
		return
	}
	if w.three {
		w.add(path, v)
		return
	}
	start, a, b := alike(lists[before], lists[after])
	for i := range max(len(a), len(b)) {
		var v [sides]any
		if i < len(a) {
			v[before] = a[i]
		}
		if i < len(b) {
			v[after] = b[i]
		}
		w.walk(index(path, start+i), "", v)
	}
}

// alike gives how many elements two lists begin with alike, and what is between those and their common end.
func alike(a, b []any) (start int, restA, restB []any) {
	for start < min(len(a), len(b)) && equal(a[start], b[start]) {
		start++
	}
	a, b = a[start:], b[start:]
	for len(a) > 0 && len(b) > 0 && equal(a[len(a)-1], b[len(b)-1]) {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return start, a, b
}

// walkKeyed compares lists whose elements have keys, and the order of those that no side lacks. Where the base has no list
// it has no order either.
func (w *walker) walkKeyed(path string, lists [sides]keyedList) {
	seen := map[string]bool{}
	for _, list := range lists {
		for _, key := range list.order {
			if !seen[key] {
				seen[key] = true
				w.walk(path+"["+key+"]", "", [sides]any{lists[base].at[key], lists[before].at[key], lists[after].at[key]})
			}
		}
	}
	var orders [sides]any
	for i, list := range lists {
		if i == base && list.at == nil {
			continue
		}
		common := []any{}
		for _, key := range list.order {
			if !slices.ContainsFunc(lists[:], func(l keyedList) bool { return l.at != nil && l.at[key] == nil }) {
				common = append(common, key)
			}
		}
		orders[i] = common
	}
	of := walker{three: lists[base].at != nil}
	if of.differ(orders) {
		w.add(path, orders)
		w.fields[len(w.fields)-1].What = Reordered
	}
}

// add tells of a difference.
func (w *walker) add(path string, v [sides]any) {
	f := Field{Path: path, A: v[before], B: v[after], Base: v[base]}
	from, to := v[before], v[after]
	if w.three {
		from = v[base]
		switch {
		case equal(v[before], v[after]):
			f.By = Same
		case equal(from, v[before]):
			f.By = InB
		case equal(from, v[after]):
			f.By, to = InA, v[before]
		default:
			f.By = Conflict
		}
	}
	switch {
	case from == nil:
		f.What = Added
	case to == nil && f.By != Conflict:
		f.What = Removed
	default:
		f.What = Changed
	}
	w.fields = append(w.fields, f)
}
