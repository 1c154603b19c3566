package aftermaths

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/corpus"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/kubeadm/aftermath"
)

var must, stuck = trial.Must, trial.Context

// scene is a cluster that is looked at, with what its nodes are said to run.
type scene struct {
	*testing.T
	ctx    context.Context
	node   *bed.Node
	config *rest.Config
	api    kubernetes.Interface
	client dynamic.Interface
	now    time.Time // of the one who looks

	runs  map[string][]aftermath.RunningPod // by node, beside the pods that etcd has as running
	stops map[string]bool                   // names of pods that don't run, whatever etcd has
	keep  bool                              // what is made stays
}

func newScene(t *testing.T) *scene {
	t.Helper()
	node := bed.ControlPlane(t, bed.Options{})
	s := &scene{
		T: t, ctx: stuck(t), node: node, config: node.RESTConfig(t), api: node.Kubernetes(t), client: node.Dynamic(t),
		now: time.Now().Add(time.Hour).Truncate(time.Second), // what is made now is old, then
	}
	s.until("the accounts are there", func() bool {
		for _, namespace := range []string{"default", "kube-system"} {
			if _, err := s.api.CoreV1().ServiceAccounts(namespace).Get(s.ctx, "default", metav1.GetOptions{}); err != nil {
				return false
			}
		}
		return true
	})
	return s
}

// with is the scene for a subtest, in which nodes run what etcd has.
func (s *scene) with(t *testing.T) *scene {
	q := *s
	q.T, q.ctx, q.runs, q.stops = t, stuck(t), map[string][]aftermath.RunningPod{}, map[string]bool{}
	return &q
}

// still stops the controllers, and keeps the Lease of the controller manager renewed.
func (s *scene) still() {
	s.Helper()
	s.stop("kube-controller-manager")
	s.patch("Lease", "kube-system", "kube-controller-manager",
		`{"spec": {"holderIdentity": "cp1", "leaseDurationSeconds": 15, "renewTime": "`+s.at(0)+`"}}`)
}

// stop stops a static pod.
func (s *scene) stop(pod string) {
	s.Helper()
	must(s, os.Rename(s.manifest(pod), s.aside(pod)))
	must(s, s.node.Pods.WaitGone(s.ctx, pod))
}

func (s *scene) manifest(pod string) string {
	return filepath.Join(s.node.Root, "etc/kubernetes/manifests", pod+".yaml")
}

func (s *scene) aside(pod string) string {
	return filepath.Join(s.node.Root, "etc/kubernetes", pod+".yaml")
}

// at is a time before that of the one who looks, as a Lease has it.
func (s *scene) at(before time.Duration) string {
	return s.now.Add(-before).UTC().Format("2006-01-02T15:04:05.000000Z")
}

// make makes objects of YAML documents. They go with the test.
func (s *scene) make(text string) {
	s.Helper()
	if text == "" {
		return
	}
	var all []*unstructured.Unstructured
	times := strings.NewReplacer("NOW", `"`+s.at(0)+`"`, "OLD", `"`+s.at(time.Hour)+`"`)
	for _, document := range strings.Split(times.Replace(text), "\n---\n") {
		raw, err := yaml.YAMLToJSONStrict([]byte(document))
		if err != nil {
			s.Fatalf("%v in\n%s", err, document)
		}
		o := new(unstructured.Unstructured)
		must(s, o.UnmarshalJSON(raw))
		all = append(all, o)
	}
	made, err := corpus.Create(s.ctx, s.config, all)
	must(s, err)
	if s.keep {
		return
	}
	s.Cleanup(func() {
		ctx := context.WithoutCancel(s.ctx)
		for _, m := range made {
			at := s.client.Resource(m.Resource).Namespace(m.Namespace)
			err := at.Delete(ctx, m.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64)})
			if err == nil { // protection, which a controller would take off
				_, err = at.Patch(ctx, m.Name, types.MergePatchType, []byte(`{"metadata": {"finalizers": null}}`), metav1.PatchOptions{})
			}
			if err != nil && !apierrors.IsNotFound(err) {
				s.Errorf("delete %v: %v", m, err)
			}
		}
	})
}

// patch changes an object of a kind, and puts it back with the test.
func (s *scene) patch(kind, namespace, name, patch string, subresource ...string) {
	s.Helper()
	gvr := map[string]string{"Lease": "leases.v1.coordination.k8s.io", "Node": "nodes.v1.", "Pod": "pods.v1."}[kind]
	resource, rest, _ := strings.Cut(gvr, ".")
	version, group, _ := strings.Cut(rest, ".")
	at := s.client.Resource(gvrOf(group, version, resource)).Namespace(namespace)
	_, err := at.Patch(s.ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}, subresource...)
	must(s, err)
}

// running says what a node runs: what etcd has as running there, and what the test says.
func (s *scene) running(ctx context.Context, node string) ([]aftermath.RunningPod, error) {
	list, err := s.api.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + node})
	if err != nil {
		return nil, err
	}
	all := s.runs[node]
	for _, p := range list.Items {
		if p.Status.Phase != corev1.PodRunning || s.stops[p.Name] {
			continue
		}
		r := aftermath.RunningPod{UID: string(p.UID), Namespace: p.Namespace, Name: p.Name, ResourceVersion: p.ResourceVersion}
		if hash := p.Annotations[corev1.MirrorPodAnnotationKey]; hash != "" {
			r.UID, r.ResourceVersion = hash, ""
		}
		all = append(all, r)
	}
	return all, nil
}

// inspect looks at the cluster, with all rights. Without a function of its own, nodes run what the scene says.
func (s *scene) inspect(opts aftermath.Options) *aftermath.Report {
	s.Helper()
	if opts.Running == nil {
		opts.Running = s.running
	}
	return s.inspectAs(s.config, opts)
}

// inspectAs looks with other rights, and holds that nothing was asked that would change anything.
func (s *scene) inspectAs(config *rest.Config, opts aftermath.Options) *aftermath.Report {
	s.Helper()
	config, made := rest.CopyConfig(config), &calls{}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { made.next = next; return made })
	report, err := aftermath.Inspect(s.ctx, config, s.now, opts)
	must(s, err)
	for _, call := range made.all {
		method, path, _ := strings.Cut(call, " ")
		stored := !strings.HasSuffix(path, "/serviceaccounts/default/token") && !strings.HasSuffix(path, "/tokenreviews")
		if method != "GET" && stored {
			s.Errorf("it has asked %s", call)
		}
	}
	raw, err := json.Marshal(report)
	must(s, err)
	var again aftermath.Report
	must(s, json.Unmarshal(raw, &again))
	if len(again.Findings) != len(report.Findings) {
		s.Errorf("%d findings are %d in JSON", len(report.Findings), len(again.Findings))
	}
	for _, f := range report.Findings {
		if f.What == "" || f.Next == "" || f.Object.Kind == "" {
			s.Errorf("incomplete: %+v", f)
		}
	}
	return report
}

// calls are the requests of a client, as method and path.
type calls struct {
	mu   sync.Mutex
	all  []string
	next http.RoundTripper
}

func (c *calls) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.all = append(c.all, r.Method+" "+r.URL.Path)
	c.mu.Unlock()
	return c.next.RoundTrip(r)
}

// line is a finding as the tests name it.
func line(f aftermath.Finding) string {
	return fmt.Sprintf("%s %s %s: %s", f.Kind, f.Severity, f.Object, f.What)
}

// want holds the findings against lines, each in parts that it contains, in order.
func (s *scene) want(r *aftermath.Report, want ...string) {
	s.Helper()
	var got []string
	for _, f := range r.Findings {
		got = append(got, line(f))
	}
	if len(got) != len(want) {
		s.Errorf("%d findings, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
		return
	}
	for i, l := range got {
		for _, part := range strings.Split(want[i], "|") {
			if !strings.Contains(l, part) {
				s.Errorf("finding %q, want it to say %q", l, part)
			}
		}
	}
}

// until waits for what must come.
func (s *scene) until(what string, there func() bool) {
	s.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !there() {
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			s.Fatalf("wait until %s: %v", what, context.Cause(s.ctx))
		}
	}
}
