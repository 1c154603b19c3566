package canonical

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// decode reads JSON, with the text of numbers.
func decode(t *testing.T, raw []byte) any {
	t.Helper()
	var value any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// gone stands where something was removed, so that what is behind it in a list keeps its number.
type gone struct{}

// steps takes a path apart, such as spec.ports[0].nodePort or metadata.annotations["a.b/c"].
func steps(t *testing.T, path string) []any {
	t.Helper()
	var all []any
	for rest := "." + path; rest != ""; {
		var step any
		if strings.HasPrefix(rest, ".") {
			end := strings.IndexAny(rest[1:], ".[") + 1
			if end == 0 {
				end = len(rest)
			}
			step, rest = rest[1:end], rest[end:]
		} else if quoted, err := strconv.QuotedPrefix(rest[1:]); err == nil {
			step, _ = strconv.Unquote(quoted)
			rest = rest[len(quoted)+2:]
		} else {
			number, after, _ := strings.Cut(rest[1:], "]")
			n, err := strconv.Atoi(number)
			if err != nil {
				t.Fatalf("path %s: %v", path, err)
			}
			step, rest = n, after
		}
		all = append(all, step)
	}
	return all
}

// remove takes out what is at a path, and says whether there was any.
func remove(value any, path []any) bool {
	last := len(path) == 1
	switch step := path[0].(type) {
	case string:
		m, ok := value.(map[string]any)
		if !ok || m[step] == (gone{}) {
			return false
		}
		child, ok := m[step]
		if ok && last {
			m[step] = gone{}
		}
		return ok && (last || remove(child, path[1:]))
	case int:
		list, ok := value.([]any)
		if !ok || step >= len(list) || list[step] == (gone{}) {
			return false
		}
		if last {
			list[step] = gone{}
			return true
		}
		return remove(list[step], path[1:])
	}
	return false
}

// withoutGone gives a value without what was removed.
func withoutGone(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, child := range v {
			if v[key] = withoutGone(child); child == (gone{}) {
				delete(v, key)
			}
		}
	case []any:
		left := v[:0]
		for _, child := range v {
			if child != (gone{}) {
				left = append(left, withoutGone(child))
			}
		}
		return left
	}
	return value
}

// asSets sorts the lists of Endpoints that stand for sets.
func asSets(t *testing.T, endpoints map[string]any) {
	t.Helper()
	order := func(a, b any) int {
		x, errX := json.Marshal(a)
		y, errY := json.Marshal(b)
		if errX != nil || errY != nil {
			t.Fatal(errX, errY)
		}
		return bytes.Compare(x, y)
	}
	subsets, _ := endpoints["subsets"].([]any)
	for _, s := range subsets {
		for _, list := range s.(map[string]any) {
			slices.SortFunc(list.([]any), order)
		}
	}
	slices.SortFunc(subsets, order)
}

// unequal says where two values differ. Whole numbers are compared as such, others as the nearest float64, which is all
// that an API server keeps of them.
func unequal(path string, want, got any) []string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			break
		}
		var all []string
		for _, key := range keys(w, g) {
			all = append(all, unequalMember(path+"."+key, w, g, key)...)
		}
		return all
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			break
		}
		var all []string
		for n := range w {
			all = append(all, unequal(fmt.Sprintf("%s[%d]", path, n), w[n], g[n])...)
		}
		return all
	case json.Number:
		if g, ok := got.(json.Number); ok && sameNumber(w.String(), g.String()) {
			return nil
		}
	default:
		if want == got {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s is %.200q in JSON and %.200q in YAML", path, fmt.Sprint(want), fmt.Sprint(got))}
}

func unequalMember(path string, want, got map[string]any, key string) []string {
	w, inJSON := want[key]
	g, inYAML := got[key]
	switch {
	case !inJSON:
		return []string{path + " is in YAML only"}
	case !inYAML:
		return []string{path + " is in JSON only"}
	}
	return unequal(path, w, g)
}

func keys(maps ...map[string]any) []string {
	var all []string
	for _, m := range maps {
		for key := range m {
			all = append(all, key)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	if strings.ContainsAny(a+b, ".eE") {
		x, errX := strconv.ParseFloat(a, 64)
		y, errY := strconv.ParseFloat(b, 64)
		return errX == nil && errY == nil && x == y
	}
	return false
}
