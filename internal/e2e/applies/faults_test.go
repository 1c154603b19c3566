package applies

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/manifests/apply"
)

// lossy loses one answer of each write, every second of them with the request.
type lossy struct {
	to http.RoundTripper

	mu   sync.Mutex
	seen map[string]bool
}

func (l *lossy) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	what := r.Method + r.URL.Path
	if r.Method == http.MethodPost { // the name is in the body
		what += fmt.Sprint(r.ContentLength)
	}
	lose := r.Method != http.MethodGet && !strings.Contains(r.URL.RawQuery, "dryRun") && !l.seen[what]
	if lose {
		l.seen[what] = true
	}
	arrives := len(l.seen)%2 == 0
	l.mu.Unlock()
	if lose && !arrives {
		return nil, errors.New("the request was lost")
	}
	response, err := l.to.RoundTrip(r)
	if lose && err == nil {
		response.Body.Close()
		return nil, errors.New("the answer was lost")
	}
	return response, err
}

// lostAnswers leave open whether a write was done. That is found out.
func lostAnswers(t *testing.T, p *place) {
	config := rest.CopyConfig(p.config)
	config.Wrap(func(to http.RoundTripper) http.RoundTripper { return &lossy{to: to, seen: map[string]bool{}} })
	cluster, err := apply.NewCluster(config)
	must(t, err)
	bring := func(policy apply.Policy, replace ...string) {
		t.Helper()
		objects := written(t, things, append([]string{"NS", "lost"}, replace...)...)
		plan, err := cluster.Plan(stuck(t), objects, apply.Options{Policy: policy})
		must(t, err)
		if plan.Writes() < 3 {
			t.Errorf("%v shows little", plan.Steps)
		}
		p.run(t, plan)
		wantLines(t, lines(p.plan(t, objects, apply.Options{Policy: policy})))
	}
	bring(apply.SkipExisting)
	bring(apply.ForceExisting, "text: a", "text: force", "replicas: 0", "minReadySeconds: 2", "a: b", "a: force")
	bring(apply.ReplaceExisting, "text: a", "text: other", "replicas: 0", "minReadySeconds: 3", "a: b", "a: other")
}

// serverGone takes the API server away in the middle of a run, and brings it back after that.
func serverGone(t *testing.T, p *place) {
	var text strings.Builder
	text.WriteString("apiVersion: v1\nkind: Namespace\nmetadata: {name: gone}\n")
	for i := range 40 {
		text.WriteString("---\n" + strings.NewReplacer("NS", "gone", "one", fmt.Sprintf("one-%d", i)).Replace(map1))
	}
	objects := written(t, text.String())
	manifest := filepath.Join(p.node.Root, "etc/kubernetes/manifests/kube-apiserver.yaml")
	away := filepath.Join(p.node.Root, "etc/kubernetes/kube-apiserver.yaml")
	done := 0
	plan := p.plan(t, objects, apply.Options{Progress: func(o apply.Outcome) {
		if o.State != apply.Done {
			return
		}
		if done++; done == 10 {
			must(t, os.Rename(manifest, away))
			state, _ := p.node.Pods.State("kube-apiserver")
			must(t, syscall.Kill(state.PID, syscall.SIGKILL))
		}
	}})
	result, err := plan.Run(stuck(t))
	must(t, err)
	if failed := len(result.Failed()); failed == 0 || failed > 31 || len(result.Outcomes) != 41 {
		t.Errorf("%d of %d outcomes are failures", failed, len(result.Outcomes))
	}
	if _, err := p.cluster.Plan(stuck(t), objects, apply.Options{}); err == nil {
		t.Error("a plan was made without a server")
	}
	must(t, os.Rename(away, manifest))
	must(t, p.node.WaitAPI(stuck(t)))
	p.bring(t, objects, apply.Options{Policy: apply.FailExisting})
	wantLines(t, lines(p.plan(t, objects, apply.Options{Policy: apply.FailExisting})))
}
