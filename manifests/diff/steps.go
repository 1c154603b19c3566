package diff

import (
	"errors"
	"strconv"
	"strings"
)

// step goes from a map or list to what is in it.
type step struct {
	any bool
	// name is the key of a map, or the position in a list.
	name string
	// where are the keys of an element, such as name: app.
	where map[string]string
}

// parseSteps reads a path or a JSON pointer.
func parseSteps(text string) ([]step, error) {
	if rest, ok := strings.CutPrefix(text, "/"); ok {
		var steps []step
		for _, part := range strings.Split(rest, "/") {
			name := strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
			steps = append(steps, step{any: name == "*", name: name})
		}
		return steps, nil
	}
	var steps []step
	for rest := text; rest != ""; {
		var s step
		var err error
		if inner, ok := strings.CutPrefix(rest, "["); ok {
			s, rest, err = bracket(inner)
		} else {
			s, rest, err = name(rest, len(steps) == 0)
		}
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// name reads the key of a map, with a dot before it unless it is the first.
func name(text string, first bool) (s step, rest string, err error) {
	if !first {
		var ok bool
		if text, ok = strings.CutPrefix(text, "."); !ok {
			return step{}, "", errors.New("a dot or bracket is missing between two steps")
		}
	}
	end := strings.IndexAny(text, ".[")
	if end < 0 {
		end = len(text)
	}
	if end == 0 {
		return step{}, "", errors.New("there is a step without a name")
	}
	return step{any: text[:end] == "*", name: text[:end]}, text[end:], nil
}

var errBracket = errors.New("a bracket holds no *, position, \"key\" or key=value")

// bracket reads what is between brackets, the first of which is read.
func bracket(text string) (s step, rest string, err error) {
	if strings.HasPrefix(text, `"`) {
		s.name, text, err = unquote(text)
		if rest, ok := strings.CutPrefix(text, "]"); ok && err == nil {
			return s, rest, nil
		}
		return step{}, "", errBracket
	}
	end := strings.IndexAny(text, "]=")
	if end <= 0 {
		return step{}, "", errBracket
	}
	if text[end] == ']' {
		s = step{any: text[:end] == "*", name: text[:end]}
		if _, err := strconv.ParseUint(s.name, 10, 32); err != nil && !s.any {
			return step{}, "", errBracket
		}
		return s, text[end+1:], nil
	}
	return selector(text)
}

// selector reads the keys of an element, up to the bracket.
func selector(text string) (s step, rest string, err error) {
	s.where = map[string]string{}
	for {
		key, after, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return step{}, "", errBracket
		}
		var value string
		if strings.HasPrefix(after, `"`) {
			if value, text, err = unquote(after); err != nil {
				return step{}, "", errBracket
			}
		} else {
			end := strings.IndexAny(after, ",]")
			if end < 0 {
				return step{}, "", errBracket
			}
			value, text = after[:end], after[end:]
		}
		s.where[key] = value
		if rest, ok = strings.CutPrefix(text, "]"); ok {
			return s, rest, nil
		}
		if text, ok = strings.CutPrefix(text, ","); !ok {
			return step{}, "", errBracket
		}
	}
}

// unquote reads a quoted text that others may follow.
func unquote(text string) (value, rest string, err error) {
	prefix, err := strconv.QuotedPrefix(text)
	if err != nil {
		return "", "", err
	}
	value, err = strconv.Unquote(prefix)
	return value, text[len(prefix):], err
}

// matchKey reports whether the step leads to a key of a map.
func (s step) matchKey(key string) bool { return s.any || s.where == nil && s.name == key }

// matchElement reports whether the step leads to an element of a list.
func (s step) matchElement(i int, e any) bool {
	if s.any || s.where == nil {
		return s.any || s.name == strconv.Itoa(i)
	}
	m, _ := e.(map[string]any)
	for key, want := range s.where {
		text, ok := scalar(m[key])
		if m[key] == nil {
			text, ok = keyDefaults[key]
		}
		if !ok || text != want {
			return false
		}
	}
	return true
}

// without takes what the steps lead to out of a tree. What is empty on the way there goes too, whether that is by now or was
// so before: one side may have nothing but the ignored field where the other has nothing. But an element of a list goes only
// if the steps lead to itself: one that is empty has a meaning, as in a NetworkPolicy, where ingress: [{}] lets all in and
// ingress: [] none. gone says that v is to go.
func without(v any, steps []step) (left any, gone bool) {
	if len(steps) == 0 {
		return nil, v != nil
	}
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if !steps[0].matchKey(key) {
				continue
			}
			if v[key], gone = without(value, steps[1:]); gone {
				delete(v, key)
			}
		}
		return v, len(v) == 0
	case []any:
		kept := []any{}
		for i, e := range v {
			if steps[0].matchElement(i, e) {
				if len(steps) == 1 {
					continue
				}
				e, _ = without(e, steps[1:])
			}
			kept = append(kept, e)
		}
		return kept, len(kept) == 0
	}
	return v, false
}
