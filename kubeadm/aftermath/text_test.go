package aftermath

import (
	"strings"
	"testing"
)

// What is to be acted on comes first, and of what is only to be looked at the text has less.
func TestTextHasSomeOfEach(t *testing.T) {
	var r Report
	for range 5 {
		r.add(Finding{Kind: LocalData, Severity: Look, Object: Object{Kind: "Pod"}, What: "looks", Next: "next"})
	}
	for range 12 {
		r.add(Finding{Kind: LostPod, Severity: Act, Object: Object{Kind: "Pod"}, What: "acts", Next: "next"})
	}
	r.add(Finding{Kind: Webhook, Severity: Act, Object: Object{Kind: "Pod"}, What: "acts"})
	r.add(Finding{Kind: Webhook, Severity: Look, Object: Object{Kind: "Pod"}, What: "looks"})
	r.sort()
	var text strings.Builder
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(text.String()) {
		for _, part := range []string{"findings: ", "known: ", "(lost-pod)", "(webhook)", "(local-data)", "acts", "looks", "more"} {
			if strings.Contains(line, part) {
				got = append(got, strings.TrimSpace(line))
			}
		}
	}
	want := []string{
		"nodes 0, pods 0; findings: 13 to act on, 6 to look at",
		"no backup holds what pods keep on their nodes; such places that are known: 5",
		"Pods that etcd has as running and that do not run: 12 (lost-pod)",
		"Pod: acts", "Pod: acts", "Pod: acts", "Pod: acts", "Pod: acts",
		"Pod: acts", "Pod: acts", "Pod: acts", "Pod: acts", "Pod: acts",
		"and 2 more, which are in the JSON",
		"Webhooks that nobody answers: 1 (webhook)", "Pod: acts",
		"To look at: Webhooks that nobody answers: 1 (webhook)", "Pod: looks",
		"To look at: Data on nodes, which no backup holds: 5 (local-data)", "Pod: looks", "Pod: looks", "Pod: looks",
		"and 2 more, which are in the JSON",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the text has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
