package csibed

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

// policy has each call logged, without what it carries.
const policy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
`

// Audit is the log of kube-apiserver of who has asked it for what.
type Audit struct{ log string }

// NewAudit has kube-apiserver of a node write one from now on: it is started again for it. Calls are told apart by their
// user agent, so a test gives its own configuration one of its own.
func NewAudit(t testing.TB, node *bed.Node) *Audit {
	t.Helper()
	const pod = "kube-apiserver"
	const dir = "/etc/kubernetes/pki" // which the pod has mounted
	a := &Audit{log: filepath.Join(t.TempDir(), "audit.log")}
	rules := dir + "/audit-policy.yaml"
	trial.Must(t, os.WriteFile(filepath.Join(node.Root, rules), []byte(policy), 0o600))

	manifest := filepath.Join(node.Root, "etc/kubernetes/manifests", pod+".yaml")
	text, err := os.ReadFile(manifest)
	trial.Must(t, err)
	const command = "    - kube-apiserver\n"
	flags := command + "    - --audit-log-path=" + a.log + "\n    - --audit-policy-file=" + rules + "\n"
	edited := strings.Replace(string(text), command, flags, 1)
	if edited == string(text) {
		t.Fatalf("%s has no line %q", manifest, command)
	}
	before, _ := node.Pods.State(pod)
	part := filepath.Join(filepath.Dir(manifest), "."+pod) // hidden from who follows the folder
	trial.Must(t, os.WriteFile(part, []byte(edited), 0o600))
	trial.Must(t, os.Rename(part, manifest))
	trial.Must(t, node.Pods.Wait(trial.Context(t), pod, func(s bed.State, _ bool) bool {
		return s.PID != 0 && s.PID != before.PID
	}))
	trial.Must(t, node.WaitAPI(trial.Context(t)))
	return a
}

// Calls counts the calls of a user agent so far, as in "create volumesnapshots" or "patch pods/status". A watch counts once.
func (a *Audit) Calls(t testing.TB, agent string) map[string]int {
	t.Helper()
	f, err := os.Open(a.log)
	trial.Must(t, err)
	defer f.Close()
	calls, seen := make(map[string]int), make(map[string]bool)
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct {
			AuditID, UserAgent, Verb, RequestURI string
			ObjectRef                            *struct{ Resource, Subresource string }
		}
		trial.Must(t, json.Unmarshal(lines.Bytes(), &e))
		if e.UserAgent != agent || seen[e.AuditID] {
			continue
		}
		seen[e.AuditID] = true
		what := e.RequestURI
		if e.ObjectRef != nil && e.ObjectRef.Resource != "" {
			what = e.ObjectRef.Resource
			if e.ObjectRef.Subresource != "" {
				what += "/" + e.ObjectRef.Subresource
			}
		}
		calls[e.Verb+" "+what]++
	}
	trial.Must(t, lines.Err())
	return calls
}
