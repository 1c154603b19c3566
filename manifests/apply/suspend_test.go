package apply

import (
	"context"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clustersnap/clustersnap/manifests"
)

// cronJob is one as it is saved, and as the cluster has it.
func cronJob(t *testing.T, p *planner, saved, live string) *item {
	t.Helper()
	const text = `{"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"one","namespace":"shop"},` +
		`"spec":{"schedule":"@daily","suspend":%s}}`
	r := manifests.Resource{Group: "batch", Version: "v1", Resource: "cronjobs", Kind: "CronJob", Namespaced: true}
	p.kinds.known = map[kindName]kind{{"batch/v1", "CronJob"}: {resource: r}}
	p.opts = Options{Suspend: true, Policy: ReplaceExisting, Classes: []manifests.Class{manifests.User}}
	d := document{body: parse(t, fmt.Sprintf(text, saved)), class: manifests.User}
	var err error
	if d.head, err = headOf(d.body); err != nil {
		t.Fatal(err)
	}
	it, err := p.item(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	it.live = &unstructured.Unstructured{Object: parse(t, fmt.Sprintf(text, live))}
	return it
}

// TestSuspendLeavesWhatRuns is about what the cluster has: it is neither stopped nor, where it was brought back suspended,
// started.
func TestSuspendLeavesWhatRuns(t *testing.T) {
	for _, c := range []struct{ saved, live string }{{"false", "false"}, {"false", "true"}, {"true", "true"}} {
		p := unreachable(t) // there is nothing to ask the server about
		it := cronJob(t, p, c.saved, c.live)
		if err := p.decide(context.Background(), it); err != nil || it.Do != Unchanged {
			t.Errorf("suspend %s in the place of %s: %s, %v", c.saved, c.live, it.Step, err)
		}
	}
}

func TestSuspendIsSetInWhatIsCreated(t *testing.T) {
	p := empty(t)
	it := cronJob(t, p, "false", "false")
	it.live, it.absent = nil, true
	_ = p.decide(context.Background(), it) // the server here takes nothing
	if value(it.body, "spec", "suspend") != true {
		t.Errorf("%v", it.body)
	}
}
