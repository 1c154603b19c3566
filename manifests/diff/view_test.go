package diff_test

import (
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
)

func TestWhatASideHasNotLookedAt(t *testing.T) {
	outcome := func(group, resource, namespace string, state manifests.State, why string) manifests.Outcome {
		return manifests.Outcome{Resource: manifests.Resource{Group: group, Resource: resource}, Namespace: namespace, State: state, Why: why}
	}
	inShop := func(class manifests.Class) manifests.Entry {
		e := named("x", "", "", "")
		e.Namespace, e.Class = "shop", class
		return e
	}
	const added, outOfView = "configmaps/x -n shop added\n", ""
	failed := func(why string) string {
		return "configmaps/x -n shop failed: side a may have it: its kind could not be listed: " + why + "\n"
	}
	for _, c := range []struct {
		name   string
		report manifests.Report
		entry  manifests.Entry
		want   string
	}{
		{"listed", manifests.Report{Outcomes: []manifests.Outcome{outcome("", "configmaps", "", manifests.Listed,
			"")}}, inShop(""), added},
		{"no such resource", manifests.Report{Outcomes: []manifests.Outcome{outcome("x", "configmaps", "",
			manifests.Excluded, "")}}, inShop(""), added},
		{"excluded", manifests.Report{Outcomes: []manifests.Outcome{outcome("", "configmaps", "", manifests.Excluded,
			"")}}, inShop(""), outOfView},
		{"same objects", manifests.Report{Outcomes: []manifests.Outcome{outcome("", "configmaps", "", manifests.SameObjects,
			"")}}, inShop(""), outOfView},
		{"forbidden", manifests.Report{Outcomes: []manifests.Outcome{outcome("", "configmaps", "", manifests.Forbidden,
			"")}}, inShop(""), failed("forbidden")},
		{"failed", manifests.Report{Outcomes: []manifests.Outcome{outcome("", "configmaps", "", manifests.Failed,
			"no route")}}, inShop(""), failed("no route")},
		{"unserved", manifests.Report{Outcomes: []manifests.Outcome{outcome("", "configmaps", "", manifests.Unserved,
			"")}}, inShop(""), failed("served by none")},
		{"group not discovered", manifests.Report{Outcomes: []manifests.Outcome{outcome("", "*", "", manifests.Failed,
			"dead")}}, inShop(""), failed("dead")},
		{"group not discovered, but the resource", manifests.Report{Outcomes: []manifests.Outcome{
			outcome("", "*", "", manifests.Failed, "dead"), outcome("", "configmaps", "", manifests.Listed, ""),
		}}, inShop(""), added},
		{"its namespace", manifests.Report{Outcomes: []manifests.Outcome{
			outcome("", "configmaps", "other", manifests.Failed, "x"), outcome("", "configmaps", "shop", manifests.Listed, ""),
		}}, inShop(""), added},
		{"its namespace failed", manifests.Report{Outcomes: []manifests.Outcome{
			outcome("", "configmaps", "shop", manifests.Failed, "x"), outcome("", "configmaps", "zoo", manifests.Listed, ""),
		}}, inShop(""), failed("x")},
		{"other namespaces", manifests.Report{Outcomes: []manifests.Outcome{outcome("", "configmaps", "other",
			manifests.Listed, "")}}, inShop(""), outOfView},
		{"labels", manifests.Report{Selection: manifests.Selection{LabelSelector: "a=b"}, Outcomes: []manifests.Outcome{
			outcome("", "configmaps", "", manifests.Listed, ""),
		}}, inShop(""), outOfView},
		{"its class",
			manifests.Report{Selection: manifests.Selection{Classes: []manifests.Class{manifests.User}}, Outcomes: []manifests.Outcome{
				outcome("", "configmaps", "", manifests.Listed, ""),
			}}, inShop(""), added},
		{"other classes",
			manifests.Report{Selection: manifests.Selection{Classes: []manifests.Class{manifests.User}}, Outcomes: []manifests.Outcome{
				outcome("", "configmaps", "", manifests.Listed, ""),
			}}, inShop(manifests.Completed), outOfView},
	} {
		changes, summary := compare(t, &view{report: &c.report}, (&view{}).add(c.entry, "v"), diff.Options{})
		if got := said(changes); got != c.want || (c.want == outOfView) != (summary.OutOfView == 1) {
			t.Errorf("%s: the summary is %+v, the changes are %q, want %q", c.name, *summary, got, c.want)
		}
		// An object that both have is compared, whatever was listed.
		changes, _ = compare(t, (&view{report: &c.report}).add(c.entry, "v"), (&view{}).add(c.entry, "w"), diff.Options{})
		if got := said(changes); !strings.HasPrefix(got, "configmaps/x -n shop changed\n") {
			t.Errorf("%s: of an object that both have the changes are %q", c.name, got)
		}
	}
}

// Two sides of the same labels have both looked for what has them. An object that one of them lacks is gone, or has lost
// the labels: either way it is not what it was.
func TestSidesOfTheSameLabels(t *testing.T) {
	listed := []manifests.Outcome{{Resource: resources[0], State: manifests.Listed}}
	side := func(selector string, objects ...string) *view {
		v := &view{report: &manifests.Report{Selection: manifests.Selection{LabelSelector: selector}, Outcomes: listed}}
		for _, name := range objects {
			v.add(named(name, "h", "", ""), "v")
		}
		return v
	}
	changes, summary := compare(t, side("app=shop", "gone", "stays"), side("app=shop", "made", "stays"), diff.Options{})
	wantSaid(t, changes, "configmaps/gone removed\nconfigmaps/made added\n")
	if summary.OutOfView != 0 || diff.ExitCode(summary, nil) != 1 {
		t.Errorf("the summary is %+v", *summary)
	}
	for _, other := range []diff.Side{side("", "x"), side("app=zoo", "x"), (&view{}).add(named("x", "h", "", ""), "v")} {
		changes, summary := compare(t, other, side("app=shop"), diff.Options{})
		if len(changes) != 0 || summary.OutOfView != 1 {
			t.Errorf("of a side of other labels the summary is %+v, the changes are %q", *summary, said(changes))
		}
	}
	// That one side with the same selector has it is enough, among three.
	changes, _ = compare(t, side("app=shop", "x"), side("app=shop"), diff.Options{Base: side("", "x")})
	wantSaid(t, changes, "configmaps/x removed by b\n")
}

// Nothing differs, and yet nobody can say that the sides are the same.
func TestWhatASideCouldNotSee(t *testing.T) {
	forbidden := manifests.Outcome{Resource: manifests.Resource{Resource: "secrets"}, State: manifests.Forbidden}
	blind := &view{report: &manifests.Report{Outcomes: []manifests.Outcome{forbidden, {State: manifests.Listed}}}}
	_, summary := compare(t, blind, &view{}, diff.Options{})
	if len(summary.MissingA) != 1 || summary.MissingA[0] != forbidden || summary.MissingB != nil || diff.ExitCode(summary, nil) != 2 {
		t.Errorf("the summary is %+v", *summary)
	}
	_, summary = compare(t, &view{}, blind, diff.Options{})
	if len(summary.MissingB) != 1 || summary.MissingA != nil || diff.ExitCode(summary, nil) != 2 {
		t.Errorf("the summary is %+v", *summary)
	}
}

func TestSidesOfTwoLevels(t *testing.T) {
	side := func(level manifests.Level) diff.Side {
		return &view{report: &manifests.Report{Selection: manifests.Selection{Level: level}}}
	}
	_, err := diff.Compare(t.Context(), side(manifests.Portable), side(manifests.Faithful), nil, diff.Options{})
	want := "compare objects: the sides are at two levels of canonical form: give one of them the level of the other"
	if err == nil || err.Error() != want {
		t.Errorf("the error is %v", err)
	}
	written := diff.Redacted(filesWith(t, "", diff.FileOptions{}), nil)
	if _, err := diff.Compare(t.Context(), written, side(manifests.Faithful), nil, diff.Options{}); err == nil || err.Error() != want {
		t.Errorf("of files the error is %v", err)
	}
	if _, err := diff.Compare(t.Context(), written, side(manifests.Portable), nil, diff.Options{}); err != nil {
		t.Error(err)
	}
	if _, err := diff.Compare(t.Context(), side(manifests.Faithful), side(manifests.Faithful), nil, diff.Options{}); err != nil {
		t.Error(err)
	}
}
