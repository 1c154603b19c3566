package pkichecks

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/internal/e2e/nodebundle"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/check"
)

func TestMain(m *testing.M) { faults.Main(m) }

var must = trial.Must

// TestRealNode looks at a node that kubeadm has made, in the state after init and after the kubelet has its own
// certificate, and then with one defect after the other.
func TestRealNode(t *testing.T) {
	ctx := trial.Context(t)
	node := bed.ControlPlane(t, bed.Options{Encryption: true, Scheduler: true})
	wantSound(t, node.Root)
	kubeletFinalize(ctx, t, node)
	wantSound(t, node.Root)
	t.Run("dates", func(t *testing.T) { sameDates(t, node) })
	for _, d := range defects {
		t.Run(d.name, func(t *testing.T) {
			root := copyNode(t, node.Root)
			d.plant(t, root)
			r := look(t, root, time.Now())
			alone := len(r.Findings) == 1 && r.Findings[0].Problem == d.problem && r.Findings[0].Path == d.path
			if r.Verdict != check.Full || !alone {
				t.Errorf("%s, missing %v, findings %v; want %s of %s alone", r.Verdict, r.Missing, r.Findings, d.problem, d.path)
			}
		})
	}
	for _, path := range losses {
		t.Run("without "+path, func(t *testing.T) {
			b := nodebundle.Collect(t, node.Root)
			b.Files = slices.DeleteFunc(b.Files, func(f pkibundle.File) bool { return f.Path == path })
			r := lookAt(t, b, time.Now())
			if r.Verdict != check.Incomplete || len(r.Missing) != 1 || r.Missing[0].Path != path || len(r.Findings) > 0 {
				t.Errorf("%s, missing %v, findings %v; want %s missing", r.Verdict, r.Missing, r.Findings, path)
			}
		})
	}
	t.Run("external CA", func(t *testing.T) { externalCA(ctx, t, node) })
}

// losses are files that something needs, each in its own way. A node without them is not collected, so they get lost later.
var losses = []string{
	pki + "ca.key",                       // kube-controller-manager's flag names it
	pki + "etcd/ca.key",                  // nothing names it
	pki + "sa.key",                       // two flags name it
	bed.EncryptionConfig,                 // a flag that the operator has added
	"etc/kubernetes/scheduler.conf",      // three flags name it
	"etc/kubernetes/manifests/etcd.yaml", // only kube-apiserver says that etcd is on the node
	"var/lib/kubelet/config.yaml",        // the kubelet's unit names it
}

func look(t *testing.T, root string, now time.Time) *check.Report {
	t.Helper()
	return lookAt(t, nodebundle.Collect(t, root), now)
}

func lookAt(t *testing.T, b *pkibundle.Bundle, now time.Time) *check.Report {
	t.Helper()
	r := check.Files(b, now, check.Options{})
	text, err := json.Marshal(r)
	must(t, err)
	noKeys(t, b, string(text))
	return r
}

func wantSound(t *testing.T, root string) {
	t.Helper()
	if r := look(t, root, time.Now()); r.Verdict != check.Full || len(r.Missing)+len(r.Findings) > 0 {
		t.Fatalf("%s, missing %v, findings %v", r.Verdict, r.Missing, r.Findings)
	}
}

// kubeletFinalize does what a kubelet does when it first starts, which keeps its pair in a file with a link to it, and has
// kubeadm do the rest.
func kubeletFinalize(ctx context.Context, t *testing.T, node *bed.Node) {
	t.Helper()
	conf := read(t, node.Root, "etc/kubernetes/kubelet.conf")
	pair := append(field(t, conf, "client-certificate-data: "), field(t, conf, "client-key-data: ")...)
	dir := filepath.Join(node.Root, "var/lib/kubelet/pki")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, filepath.Base(dated)), pair)
	if err := os.Symlink("/"+dated, filepath.Join(dir, "kubelet-client-current.pem")); err != nil {
		t.Fatal(err)
	}
	runKubeadm(ctx, t, node, node.Root, "init", "phase", "kubelet-finalize", "enable-client-cert-rotation")
	if conf = read(t, node.Root, "etc/kubernetes/kubelet.conf"); strings.Contains(string(conf), "client-key-data") {
		t.Fatal("kubeadm has left the key in kubelet.conf")
	}
}

// sameDates has a certificate expire for check when it does for kubeadm, a second after its last, for each that kubeadm
// knows.
func sameDates(t *testing.T, node *bed.Node) {
	var list struct {
		Certificates []struct {
			Name           string    `json:"name"`
			ExpirationDate time.Time `json:"expirationDate"`
			Missing        bool      `json:"missing"`
		} `json:"certificates"`
	}
	out := runKubeadm(t.Context(), t, node, node.Root, "certs", "check-expiration", "--output", "json")
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	if len(list.Certificates) < 10 {
		t.Fatalf("kubeadm knows of %d certificates", len(list.Certificates))
	}
	for _, c := range list.Certificates {
		file := pki + strings.Replace(c.Name, "etcd-", "etcd/", 1) + ".crt"
		if strings.HasSuffix(c.Name, ".conf") {
			file = "etc/kubernetes/" + c.Name
		}
		if c.Name == "apiserver-etcd-client" {
			file = pki + c.Name + ".crt"
		}
		for at, want := range map[time.Time]bool{c.ExpirationDate: false, c.ExpirationDate.Add(time.Second): true} {
			found := false
			for _, f := range look(t, node.Root, at).Findings {
				found = found || f.Problem == check.Expired && f.Path == file
			}
			if found != want || c.Missing {
				t.Errorf("%s expired at %v: %v, kubeadm says %v", file, at, found, c.ExpirationDate)
			}
		}
	}
}

// externalCA takes the CAs' keys away and has kubeadm write the manifest of kube-controller-manager for that.
func externalCA(ctx context.Context, t *testing.T, node *bed.Node) {
	root := copyNode(t, node.Root)
	for _, key := range []string{"ca.key", "front-proxy-ca.key", "etcd/ca.key"} {
		if err := os.Remove(filepath.Join(root, pki, key)); err != nil {
			t.Fatal(err)
		}
	}
	if r := look(t, root, time.Now()); r.Verdict != check.Incomplete || len(r.Missing) != 2 { // not the front proxy's
		t.Errorf("with a manifest that wants the key: %s, missing %v", r.Verdict, r.Missing)
	}
	const config = "/kubeadm.yaml"
	write(t, filepath.Join(root, config), fmt.Appendf(nil, `apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.37.0 # or kubeadm asks the internet
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: %s}
nodeRegistration: {criSocket: unix:///run/containerd/containerd.sock}
`, node.Address))
	runKubeadm(ctx, t, node, root, "init", "phase", "control-plane", "controller-manager", "--config", config)
	r := look(t, root, time.Now())
	if r.Verdict != check.ExternalCA || len(r.Missing) > 0 || len(r.Findings) != 3 {
		t.Errorf("%s, missing %v, findings %v", r.Verdict, r.Missing, r.Findings)
	}
	for _, f := range r.Findings {
		if f.Severity != check.Info || f.Problem != check.CAKeyElsewhere {
			t.Errorf("finding %v", f)
		}
	}
}

// runKubeadm runs it in the node's network with root as its root, and gives what it prints.
func runKubeadm(ctx context.Context, t *testing.T, node *bed.Node, root string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(ctx, peers.Kubeadm.Path(t), append(args, "--rootfs", root)...)
	return []byte(node.Output(t, cmd))
}
