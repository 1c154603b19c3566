package applies

import (
	"net/http"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/manifests/apply"
)

// moves are changes between a plan and its run.
func moves(t *testing.T, p *place) {
	objects := written(t, things, "NS", "moves")
	p.bring(t, objects, apply.Options{})
	for _, policy := range []apply.Policy{apply.ForceExisting, apply.ReplaceExisting} {
		t.Run(string(policy), func(t *testing.T) {
			to := string(policy)
			changed := written(t, things, "NS", "moves", "text: a", "text: "+to, "replicas: 0", "minReadySeconds: 2",
				"a: b", "a: "+to, "app: web}, ports", "app: "+to+"}, ports")
			p.delete(t, "secrets", "moves", "one")
			plan := p.plan(t, changed, apply.Options{Policy: policy})
			p.edit(t, "configmaps", "moves", "one", set("meanwhile", "data", "mode"))
			p.delete(t, "configmaps", "moves", "same")
			p.make(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: one, namespace: moves}\ndata: {a: Yg==}\n")
			p.edit(t, "services", "moves", "one", set(to, "metadata", "labels", "meanwhile"))
			// A controller that writes status does not count.
			p.report(t, "moves", 7)

			result, err := plan.Run(stuck(t))
			must(t, err)
			var got []string
			for _, o := range result.Failed() {
				got = append(got, o.String())
			}
			wantLines(t, got, "configmaps/one|: moved: it is not as it was", "configmaps/same|: moved: somebody has deleted it",
				"create secrets/one|: moved: somebody has made it", "services/one|: moved: it is not as it was")
			data, _, _ := unstructured.NestedStringMap(p.get(t, "configmaps", "moves", "one").Object, "data")
			if data["mode"] != "meanwhile" || data["text"] == to {
				t.Errorf("the change was overwritten: %v", data)
			}
			if _, err := p.at("configmaps", "moves").Get(stuck(t), "same", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				t.Errorf("what was deleted is there: %v", err)
			}
			o := p.get(t, "deployments.v1.apps", "moves", "one")
			if n, _, _ := unstructured.NestedInt64(o.Object, "spec", "minReadySeconds"); n != 2 {
				t.Error("the Deployment was not changed, though only its status was another")
			}
			p.bring(t, changed, apply.Options{Policy: policy}) // another plan finds the rest
			wantLines(t, lines(p.plan(t, changed, apply.Options{Policy: policy})))
		})
	}
}

// report writes the status of a Deployment, as its controller does.
func (p *place) report(t *testing.T, namespace string, generation int64) {
	t.Helper()
	for {
		o := p.get(t, "deployments.v1.apps", namespace, "one")
		set(generation, "status", "observedGeneration")(o)
		_, err := p.at("deployments.v1.apps", namespace).UpdateStatus(stuck(t), o, metav1.UpdateOptions{})
		if !apierrors.IsConflict(err) { // or the controller itself was faster
			must(t, err)
			return
		}
	}
}

// between does something before each write reaches the server.
type between struct {
	to    http.RoundTripper
	first func(path string)
}

func (b between) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet && !strings.Contains(r.URL.RawQuery, "dryRun") {
		b.first(r.URL.Path)
	}
	return b.to.RoundTrip(r)
}

// races are changes in the moment before a write, when the object has been looked at: those of somebody are not overwritten,
// and a controller that writes status again and again is no obstacle.
func races(t *testing.T, p *place) {
	p.bring(t, written(t, things, "NS", "races"), apply.Options{})
	for _, policy := range []apply.Policy{apply.UpdateExisting, apply.ForceExisting, apply.ReplaceExisting} {
		t.Run(string(policy), func(t *testing.T) {
			changed := written(t, things, "NS", "races", "text: a", "text: "+string(policy), "replicas: 0", "minReadySeconds: 2",
				"a: b", "a: "+string(policy))
			p.edit(t, "deployments.v1.apps", "races", "one", set(int64(0), "spec", "minReadySeconds"))
			n := int64(0)
			config := rest.CopyConfig(p.config)
			config.Wrap(func(to http.RoundTripper) http.RoundTripper {
				return between{to, func(path string) {
					if strings.HasSuffix(path, "/configmaps/one") {
						p.edit(t, "configmaps", "races", "one", set("meanwhile", "data", "mode"))
					} else if strings.HasSuffix(path, "/configmaps/same") {
						p.delete(t, "configmaps", "races", "same")
					} else if n++; n < 4 {
						p.report(t, "races", n+100)
					}
				}}
			})
			cluster, err := apply.NewCluster(config)
			must(t, err)
			if policy == apply.UpdateExisting { // the field is somebody's
				changed = append(changed[:4:4], changed[5])
			}
			plan, err := cluster.Plan(stuck(t), changed, apply.Options{Policy: policy, Parallel: 1})
			must(t, err)
			result, err := plan.Run(stuck(t))
			must(t, err)
			var got []string
			for _, o := range result.Failed() {
				got = append(got, o.String())
			}
			wantLines(t, got, "configmaps/one|: moved: it is not as it was", "configmaps/same|: moved: somebody has deleted it")
			data, _, _ := unstructured.NestedStringMap(p.get(t, "configmaps", "races", "one").Object, "data")
			if data["mode"] != "meanwhile" || data["text"] == string(policy) {
				t.Errorf("the change was overwritten: %v", data)
			}
			p.bring(t, written(t, things, "NS", "races"), apply.Options{Policy: apply.ReplaceExisting})
		})
	}
}

// strangers is a namespace that somebody else makes before the plan does: nothing is put into it.
func strangers(t *testing.T, p *place) {
	plan := p.plan(t, written(t, things, "NS", "strangers"), apply.Options{})
	p.make(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: strangers}\n")
	result, err := plan.Run(stuck(t))
	must(t, err)
	if failed := result.Failed(); len(failed) != len(plan.Steps) || failed[0].State != apply.Moved {
		t.Errorf("%v", failed)
	}
	for _, o := range result.Outcomes[1:] {
		if o.State != apply.Failed || !strings.Contains(o.Err, "namespaces/strangers, which has to be there before, is not") {
			t.Errorf("%s", o)
		}
	}
	if _, err := p.at("configmaps", "strangers").Get(stuck(t), "one", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("something was put into it: %v", err)
	}
}
