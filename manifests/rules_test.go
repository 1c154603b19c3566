package manifests

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// core, and the functions below it, are resources with a status subresource.
func core(resource, kind string) Resource {
	return Resource{Version: "v1", Resource: resource, Kind: kind, Status: true}
}

func in(group, resource, kind string) Resource {
	return Resource{Group: group, Version: "v1", Resource: resource, Kind: kind, Status: true}
}

// writes are the managedFields of a user who has written these fields of the spec.
func writes(fields string) string {
	return `managedFields: [{manager: kubectl-create, operation: Update, fieldsType: FieldsV1,
		fieldsV1: {"f:spec": {` + fields + `}}}]`
}

type rulesCase struct {
	name     string
	r        Resource
	object   string
	portable string
	faithful string   // empty: as portable
	removed  []string // at Portable, but for uid and managedFields
}

// rulesCases have at least one object for each rule, and for each condition one object that does not meet it.
var rulesCases = slices.Concat(metadataCases, serviceCases, podCases, workloadCases, storageCases, otherCases)

func TestRules(t *testing.T) {
	for _, c := range rulesCases {
		t.Run(c.r.Resource+"/"+c.name, func(t *testing.T) {
			object := jsonOf(t, strings.ReplaceAll(c.object, "\t", " "))
			form := canonical(t, object, c.r, Portable)
			mustBe(t, form, strings.ReplaceAll(c.portable, "\t", " "))
			if !strings.HasPrefix(c.name, "metadata") {
				form.Removed = slices.DeleteFunc(form.Removed, isCommon)
			}
			if !slices.Equal(form.Removed, c.removed) {
				t.Errorf("taken out were\n%q, want\n%q", form.Removed, c.removed)
			}
			faithful := c.faithful
			if faithful == "" {
				faithful = c.portable
			}
			mustBe(t, canonical(t, object, c.r, Faithful), strings.ReplaceAll(faithful, "\t", " "))
		})
	}
}

// A name that the system uses for one kind is a user's own on another.
func TestNamesOnOtherKindsStay(t *testing.T) {
	set := func(rules []nameRule) map[string]string {
		names := map[string]string{}
		for _, r := range rules {
			if r.of != (groupResource{}) {
				names[r.name] = "mine"
			}
		}
		return names
	}
	metadata := map[string]any{"name": "a", "annotations": set(systemAnnotations), "labels": set(systemLabels)}
	object, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		t.Fatal(err)
	}
	if form := canonical(t, object, core("configmaps", "ConfigMap"), Portable); len(form.Removed) > 0 {
		t.Errorf("taken out were %q", form.Removed)
	}
}

// isCommon reports whether a path is one of the two that most objects lose.
func isCommon(path string) bool { return path == "metadata.uid" || path == "metadata.managedFields" }

// The data of a Secret must not come back by an annotation or by managedFields, at any level.
func TestNothingLeaks(t *testing.T) {
	object := `{"metadata":{"name":"a",
		"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"data\":{\"p\":\"SECRET\"}}"},
		"managedFields":[{"manager":"SECRET","fieldsV1":{"f:SECRET":{}}}]},"data":{"p":""}}`
	for _, level := range []Level{Portable, Faithful} {
		if form := canonical(t, []byte(object), core("secrets", "Secret"), level); strings.Contains(string(form.YAML),
			"SECRET") {
			t.Errorf("what was taken out is in\n%s", form.YAML)
		}
	}
}
