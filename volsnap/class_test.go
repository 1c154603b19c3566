package volsnap

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// class makes a class; marks are "default", "default=" and a value, and "velero".
func class(name, driver string, marks ...string) *api.Class {
	c := &api.Class{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{}, Annotations: map[string]string{}}}
	c.Driver = driver
	for _, mark := range marks {
		switch mark, value, _ := strings.Cut(mark, "="); mark {
		case "default":
			c.Annotations[api.AnnotationDefaultClass] = value
		case "velero":
			c.Labels[api.VeleroClass] = value
		}
	}
	return c
}

func TestChooseClass(t *testing.T) {
	other := class("other", "other.example", "default=true", "velero=true")
	named := func(key, value string) map[string]string { return map[string]string{key: value} }
	for name, test := range map[string]struct {
		classes     []*api.Class
		annotations map[string]string
		opts        PlanOptions
		class       string
		reason      Reason
		says        []string
	}{
		"no class at all": {reason: ReasonNoClass, says: []string{"disk.example", "create one"}},
		"only another driver's": {
			classes: []*api.Class{other}, reason: ReasonNoClass, says: []string{"no VolumeSnapshotClass has driver disk.example"},
		},
		"the only one": {classes: []*api.Class{other, class("a", "disk.example")}, class: "a"},
		"several": {
			classes: []*api.Class{class("a", "disk.example"), other, class("b", "disk.example")},
			reason:  ReasonSeveralClasses, says: []string{"a, b", "mark one as default"},
		},
		"the default": {classes: []*api.Class{class("a", "disk.example"), class("b", "disk.example", "default=true")}, class: "b"},
		"what says that it is no default": {
			classes: []*api.Class{class("a", "disk.example", "default=false"), class("b", "disk.example")},
			reason:  ReasonSeveralClasses, says: []string{"a, b"},
		},
		"several defaults": {
			classes: []*api.Class{
				class("a", "disk.example", "default=true"), class("b", "disk.example"), class("c", "disk.example", "default=true"),
			},
			reason: ReasonSeveralClasses, says: []string{"a, c:"},
		},
		"Velero's label, without the option": {
			classes: []*api.Class{class("a", "disk.example", "default=true"), class("b", "disk.example", "velero=true")}, class: "a",
		},
		"Velero's label": {
			classes: []*api.Class{class("a", "disk.example", "default=true"), class("b", "disk.example", "velero=")},
			opts:    PlanOptions{Velero: true}, class: "b",
		},
		"Velero's label twice": {
			classes: []*api.Class{
				class("a", "disk.example", "default=true"), class("b", "disk.example", "velero=x"), class("c", "disk.example", "velero=y"),
			},
			opts: PlanOptions{Velero: true}, reason: ReasonSeveralClasses, says: []string{"b, c:"},
		},
		"the claim's annotation": {
			classes:     []*api.Class{class("a", "disk.example", "default=true", "velero=true"), class("b", "disk.example")},
			annotations: named(api.AnnotationClass, "b"), opts: PlanOptions{Velero: true}, class: "b",
		},
		"Velero's annotation, without the option": {
			classes:     []*api.Class{class("a", "disk.example", "default=true"), class("b", "disk.example")},
			annotations: named(api.VeleroClass, "b"), class: "a",
		},
		"Velero's annotation": {
			classes:     []*api.Class{class("a", "disk.example", "default=true", "velero=true"), class("b", "disk.example")},
			annotations: named(api.VeleroClass, "b"), opts: PlanOptions{Velero: true}, class: "b",
		},
		"both annotations": {
			classes:     []*api.Class{class("a", "disk.example"), class("b", "disk.example")},
			annotations: map[string]string{api.AnnotationClass: "a", api.VeleroClass: "b"}, opts: PlanOptions{Velero: true}, class: "a",
		},
		"an annotation that is empty": {
			classes:     []*api.Class{class("a", "disk.example")},
			annotations: map[string]string{api.AnnotationClass: "", api.VeleroClass: ""}, opts: PlanOptions{Velero: true}, class: "a",
		},
		"the option before all": {
			classes: []*api.Class{
				class("a", "disk.example", "default=true"), class("b", "disk.example"), class("c", "disk.example"),
			},
			annotations: named(api.AnnotationClass, "b"), opts: PlanOptions{Class: named("disk.example", "c")}, class: "c",
		},
		"the option of another driver": {
			classes: []*api.Class{class("a", "disk.example")}, opts: PlanOptions{Class: named("other.example", "x")}, class: "a",
		},
		"a class of another driver by option": {
			classes: []*api.Class{other, class("a", "disk.example")}, opts: PlanOptions{Class: named("disk.example", "other")},
			reason: ReasonOtherDriver, says: []string{"the option", "other.example and not of disk.example", "the driver has a"},
		},
		"a class of another driver by annotation": {
			classes: []*api.Class{other}, annotations: named(api.AnnotationClass, "other"),
			reason: ReasonOtherDriver, says: []string{api.AnnotationClass, "the driver has none"},
		},
		"a class that is not there": {
			classes:     []*api.Class{class("a", "disk.example"), class("b", "disk.example")},
			annotations: named(api.AnnotationClass, "gone"), reason: ReasonClassMissing, says: []string{"gone", "not there", "a, b"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := &planner{opts: test.opts, classes: test.classes}
			v := Volume{Driver: "disk.example"}
			p.choose(&v, test.annotations)
			if v.Class != test.class || v.Reason != test.reason || (v.Detail == "") != (v.Reason == "") {
				t.Errorf("class %q, reason %q, %q; want class %q, reason %q", v.Class, v.Reason, v.Detail, test.class, test.reason)
			}
			for _, part := range test.says {
				if !strings.Contains(v.Detail, part) {
					t.Errorf("%q does not say %q", v.Detail, part)
				}
			}
		})
	}
}

func TestSomeNames(t *testing.T) {
	if got := some([]string{"a", "b", "c", "d", "e"}); got != "a, b, c, d, e" {
		t.Errorf("five names are %q", got)
	}
	if got := some([]string{"a", "b", "c", "d", "e", "f", "g"}); got != "a, b, c, d, e and 2 more" {
		t.Errorf("seven names are %q", got)
	}
}
