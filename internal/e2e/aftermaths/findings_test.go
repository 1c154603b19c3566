package aftermaths

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/kubeadm/aftermath"
)

func gvrOf(group, version, resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: group, Version: version, Resource: resource}
}

// TestFindings makes each finding alone in a cluster that has none. What a case leaves behind, the next one finds.
func TestFindings(t *testing.T) {
	s := newScene(t)
	s.still()
	text, err := os.ReadFile("testdata/healthy.yaml")
	must(t, err)
	s.with(t).make(string(text))
	for _, c := range findings {
		t.Run(c.name, func(t *testing.T) {
			s := s.with(t)
			s.make(c.objects)
			if c.change != nil {
				c.change(s)
			}
			var opts aftermath.Options
			if c.options != nil {
				opts = c.options(s)
			}
			s.want(s.inspect(opts), c.want...)
		})
	}
	for name, more := range map[string]func(*scene){
		"counts": counts, "many": many, "kubelets": kubelets, "rights": rights, "no report": noReport,
	} {
		t.Run(name, func(t *testing.T) { more(s.with(t)) })
	}
}

// counts looks at a cluster without findings.
func counts(s *scene) {
	report := s.inspect(aftermath.Options{Before: 1, Nodes: []string{"n1", "n2"}, Balancers: []string{}})
	s.want(report)
	list, err := s.api.CoreV1().Pods("").List(s.ctx, metav1.ListOptions{})
	must(s, err)
	if report.Nodes != 2 || report.Pods != len(list.Items) || report.Pods == 0 || report.Revision < 100 || report.Before != 1 {
		s.Errorf("the report has %+v, want 2 nodes and %d pods", report, len(list.Items))
	}
	leader := "kube-controller-manager: cp1, renewed at " + s.now.UTC().Format(time.RFC3339)
	if len(report.Leaders) != 1 || report.Leaders[0].String() != leader {
		s.Errorf("leaders are %v", report.Leaders)
	}
	var out strings.Builder
	must(s, report.WriteText(&out))
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 4 || !strings.HasSuffix(lines[1], "findings: 0 to act on, 0 to look at") {
		s.Errorf("the text is\n%s", out.String())
	}
}

// Each kind is one that a case makes.
func TestEveryKindHasACase(t *testing.T) {
	for _, kind := range []aftermath.Kind{
		aftermath.RevisionBack, aftermath.TokensRefused, aftermath.NotAsked, aftermath.NodeUnknown, aftermath.NodeGone,
		aftermath.NodeSilent, aftermath.NodeNotReady, aftermath.KubeletRestart, aftermath.PhantomPod, aftermath.StaticPod,
		aftermath.LostPod, aftermath.Leaderless, aftermath.Webhook, aftermath.APIService, aftermath.PodAddress,
		aftermath.PodRange, aftermath.PodNetwork, aftermath.Attachment, aftermath.Volume, aftermath.LoadBalancer,
		aftermath.NodePort, aftermath.LocalData, aftermath.Request, aftermath.BootstrapToken,
	} {
		made := false
		for _, c := range findings {
			made = made || slices.ContainsFunc(c.want, func(line string) bool { return strings.HasPrefix(line, string(kind)+" ") })
		}
		if !made {
			t.Errorf("no case makes %s", kind)
		}
	}
}
