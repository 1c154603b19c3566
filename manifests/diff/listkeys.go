package diff

import (
	"strings"
)

// listKeys are the fields that tell the elements of a list apart, by the name of the field that holds the list: its
// listMapKeys in the built-in types (k8s.io/api, and what is generated from it in
// k8s.io/client-go/applyconfigurations/internal). The first set that fits is taken. Lists of status are left out, since
// there is none in canonical form, apart from conditions, which custom resources have too.
var listKeys = map[string][][]string{
	"claims":                    {{"name"}},
	"conditions":                {{"type"}},
	"containers":                {{"name"}},
	"drivers":                   {{"name"}},
	"env":                       {{"name"}},
	"ephemeralContainers":       {{"name"}},
	"hostAliases":               {{"ip"}},
	"imagePullSecrets":          {{"name"}},
	"initContainers":            {{"name"}},
	"matchConditions":           {{"name"}},
	"ownerReferences":           {{"uid"}},
	"ports":                     {{"containerPort", "protocol"}, {"port", "protocol"}},
	"resourceClaims":            {{"name"}},
	"schedulingGates":           {{"name"}},
	"secrets":                   {{"name"}},
	"topologySpreadConstraints": {{"topologyKey", "whenUnsatisfiable"}},
	"variables":                 {{"name"}},
	"volumeDevices":             {{"devicePath"}},
	"volumeMounts":              {{"mountPath"}},
	"volumes":                   {{"name"}},
	"webhooks":                  {{"name"}},
}

// anyList is what tells apart the elements of other lists, among them those of custom resources, whose schema isn't known
// here: most types that have a name mean it to be unique.
var anyList = []string{"name"}

// keyDefaults are what the API server takes for a key that is not written.
var keyDefaults = map[string]string{"protocol": "TCP"}

// keyedList is a list whose elements have keys, such as name=app.
type keyedList struct {
	order []string
	at    map[string]any
}

// byKeys gives the lists with keys, if some set of fields is in every element and tells all of them apart. Otherwise the
// keys are no help: no more than the API server does this insist on them, which lets through a container with one variable
// twice.
func byKeys(name string, lists [sides][]any) (keyed [sides]keyedList, ok bool) {
	for _, keys := range append(listKeys[name][:len(listKeys[name]):len(listKeys[name])], anyList) {
		if keyed, ok = withKeys(keys, lists); ok {
			return keyed, true
		}
	}
	return keyed, false
}

func withKeys(keys []string, lists [sides][]any) (keyed [sides]keyedList, ok bool) {
	for i, list := range lists {
		if list == nil {
			continue // there is no base
		}
		keyed[i].at = map[string]any{}
		for _, e := range list {
			key, ok := elementKey(keys, e)
			if !ok || keyed[i].at[key] != nil {
				return keyed, false
			}
			keyed[i].order = append(keyed[i].order, key)
			keyed[i].at[key] = e
		}
	}
	return keyed, true
}

// elementKey gives the key of an element as it stands in a path.
func elementKey(keys []string, e any) (string, bool) {
	m, ok := e.(map[string]any)
	if !ok {
		return "", false
	}
	var pairs []string
	for _, key := range keys {
		text, ok := scalar(m[key])
		if !ok && m[key] == nil {
			text, ok = keyDefaults[key]
		}
		if !ok {
			return "", false
		}
		pairs = append(pairs, key+"="+quoted(text))
	}
	return strings.Join(pairs, ","), true
}
