package diff

import (
	"slices"

	"github.com/clustersnap/clustersnap/manifests"
)

// masked stands for a value that is not shown.
const masked = "***"

// maskNames tell values apart that are not shown, by the first side that has them.
var maskNames = [sides]string{"(base)", "(before)", "(after)"}

// mask puts names in the place of what a Secret holds, on all sides at once: names are equal where the values are, and
// nowhere else. An annotation that may show one of the held texts is masked too. What comes after it has nothing to hide.
func mask(key manifests.Key, trees *[sides]any, held []string, three bool) {
	if !isSecret(key) {
		return
	}
	for _, field := range []string{"data", "stringData"} {
		maskField(mapsOf(*trees), field, three)
	}
	metadata := fieldOf(mapsOf(*trees), "metadata")
	maskAnnotations(mapsOf(metadata), held, three)
}

// maskAnnotations masks the annotations that may tell on any side, on all of them.
func maskAnnotations(metadata [sides]map[string]any, held []string, three bool) {
	annotations := mapsOf(fieldOf(metadata, "annotations"))
	tell := map[string]bool{}
	for i, m := range metadata {
		if m["annotations"] != nil && annotations[i] == nil {
			maskValue(metadata, "annotations", three) // it is no map
			return
		}
		for name, value := range annotations[i] {
			tell[name] = tell[name] || slices.Contains(copies, name) || mayTell(value, held)
		}
	}
	for name, tells := range tell {
		if tells {
			maskValue(annotations, name, three)
		}
	}
}

// maskField masks the values of a map, or all of it on sides where it is none.
func maskField(objects [sides]map[string]any, field string, three bool) {
	inner := mapsOf(fieldOf(objects, field))
	for i, object := range objects {
		if _, there := object[field]; there && inner[i] == nil {
			maskValue(objects, field, three)
			return
		}
	}
	keys := map[string]bool{}
	for _, m := range inner {
		for key := range m {
			keys[key] = true
		}
	}
	for key := range keys {
		maskValue(inner, key, three)
	}
}

// maskValue masks one value on all sides.
func maskValue(objects [sides]map[string]any, key string, three bool) {
	values := fieldOf(objects, key)
	alike := true
	var first any
	for _, v := range values {
		if first == nil {
			first = v
		}
		alike = alike && (v == nil || equal(v, first))
	}
	for i, v := range values {
		if v == nil {
			continue
		}
		name := masked
		if !alike {
			name += " " + maskName(values, v, three)
		}
		objects[i][key] = name
	}
}

// maskName is the name of the first side with the value.
func maskName(values [sides]any, v any, three bool) string {
	for i, other := range values {
		switch {
		case !equal(v, other):
			continue
		case three && i != base:
			return "(" + names[i] + ")"
		}
		return maskNames[i]
	}
	return ""
}

// mapsOf gives the values that are maps.
func mapsOf(values [sides]any) (m [sides]map[string]any) {
	for i, v := range values {
		m[i], _ = v.(map[string]any)
	}
	return m
}

// fieldOf gives what each map has for a key.
func fieldOf(m [sides]map[string]any, key string) (values [sides]any) {
	for i := range m {
		values[i] = m[i][key]
	}
	return values
}
