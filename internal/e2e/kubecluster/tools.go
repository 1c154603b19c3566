package kubecluster

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/ociimage"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// Tool is the image for pods of tests. Its program is command tool: see there for what it can do.
const Tool = "clustersnap.test/tool:v1"

// tools are the programs of the cluster.
type tools struct {
	machine  string
	tool     string
	programs map[string]string // what a node has in /usr/local/bin
	images   []ociimage.Image
	pause    string // the name of the image that holds the namespaces of a pod
}

// newTools builds what is to be built, and looks for the rest.
func newTools(t testing.TB) *tools {
	t.Helper()
	s := buildTools(t)
	s.programs = map[string]string{
		"kubeadm": peers.Kubeadm.Path(t), "kubelet": peers.Kubelet.Path(t), "kubectl": peers.Kubectl.Path(t),
		"etcdctl": peers.EtcdCtl37.Path(t), "etcdutl": peers.EtcdUtl37.Path(t), "systemctl": s.machine,
	}
	s.images = s.pack(t)
	return s
}

// buildTools builds our own, which are enough for a node without a cluster.
func buildTools(t testing.TB) *tools {
	t.Helper()
	for _, program := range []string{"containerd", "ctr", "ip", "iptables", "ldd", "nsenter", "runc", "/usr/lib/cni/bridge"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("start cluster: %v: install the packages of .ci/packages.txt", err)
		}
	}
	_, here, _, _ := runtime.Caller(0)
	dir := t.TempDir()
	build := exec.Command("go", "build", "-C", filepath.Dir(here), "-o", dir+"/", "./machine", "./tool")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // they run where there are no libraries
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("start cluster: %v: %v\n%s", build.Args, err, out)
	}
	return &tools{machine: filepath.Join(dir, "machine"), tool: filepath.Join(dir, "tool")}
}

// version is that of Kubernetes, as in "v1.37.2".
func version() string {
	_, v, _ := strings.Cut(peers.Kubeadm.String(), " ")
	return v
}

// secrets are what further nodes join with.
type secrets struct {
	token          string // as kubeadm wants bootstrap tokens
	certificateKey string
}

func newSecrets() secrets {
	random := func(bytes int) string {
		b := make([]byte, bytes)
		rand.Read(b) // never returns an error
		return hex.EncodeToString(b)
	}
	return secrets{token: fmt.Sprintf("%s.%s", random(3), random(8)), certificateKey: random(32)}
}
