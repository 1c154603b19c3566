package diff

import (
	"github.com/clustersnap/clustersnap/manifests"
)

// masked stands for a value that is not shown.
const masked = "***"

// maskNames tell values apart that are not shown, by the first side that has them.
var maskNames = [sides]string{"(base)", "(before)", "(after)"}

// lastApplied is where kubectl apply keeps a copy of the object, with all data of a Secret.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// mask puts names in the place of what a Secret holds, on all sides at once: names are equal where the values are, and
// nowhere else. What comes after it has nothing to hide.
func mask(key manifests.Key, trees *[sides]any, three bool) {
	if !isSecret(key) {
		return
	}
	for _, field := range []string{"data", "stringData"} {
		maskField(mapsOf(*trees), field, three)
	}
	metadata := fieldOf(mapsOf(*trees), "metadata")
	annotations := fieldOf(mapsOf(metadata), "annotations")
	maskValue(mapsOf(annotations), lastApplied, three)
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
