package apply

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// differences gives the paths at which two objects differ, such as spec.ports[0].port. Lists of two lengths differ as a whole.
func differences(a, b map[string]any) []string {
	var paths []string
	walk("", a, b, &paths)
	return paths
}

func walk(path string, a, b any, paths *[]string) {
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			walkMaps(path, x, y, paths)
			return
		}
	case []any:
		if y, ok := b.([]any); ok && len(x) == len(y) {
			for i := range x {
				walk(path+"["+strconv.Itoa(i)+"]", x[i], y[i], paths)
			}
			return
		}
	}
	if !reflect.DeepEqual(a, b) {
		*paths = append(*paths, path)
	}
}

func walkMaps(path string, a, b map[string]any, paths *[]string) {
	keys := map[string]bool{}
	for _, m := range []map[string]any{a, b} {
		for key := range m {
			keys[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		inA, okA := a[key]
		inB, okB := b[key]
		if at := path + member(path, key); okA && okB {
			walk(at, inA, inB, paths)
		} else {
			*paths = append(*paths, at)
		}
	}
}

// member gives what a key adds to a path: a name, or a quoted one in brackets.
func member(path, key string) string {
	for _, char := range []byte(key) {
		if letter := 'a' <= char|0x20 && char|0x20 <= 'z' || '0' <= char && char <= '9' || char == '_'; !letter {
			return "[" + strconv.Quote(key) + "]"
		}
	}
	if path == "" {
		return key
	}
	return "." + key
}

// moveTo makes of live, in place, what it would be with the fields of to in the place of those of from. From is live without
// what is nobody's to restore, so that stays: a list is changed as a whole if it differs.
func moveTo(live, from, to map[string]any) {
	for key, old := range from {
		if _, stays := to[key]; stays {
			continue
		}
		inLive, isMap := live[key].(map[string]any)
		oldMap, wasMap := old.(map[string]any)
		if isMap && wasMap {
			moveTo(inLive, oldMap, nil)
		}
		if !isMap || !wasMap || len(inLive) == 0 {
			delete(live, key)
		}
	}
	for key, wanted := range to {
		old, was := from[key]
		if was && reflect.DeepEqual(old, wanted) {
			continue
		}
		inLive, isMap := live[key].(map[string]any)
		wantedMap, toMap := wanted.(map[string]any)
		if isMap && toMap {
			oldMap, _ := old.(map[string]any)
			moveTo(inLive, oldMap, wantedMap)
			continue
		}
		live[key] = wanted
	}
}
