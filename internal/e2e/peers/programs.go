package peers

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// Program is one stock program at one version.
type Program int

// The programs. The digits in a name are the minor version, where tests want more than one.
const (
	Etcd37 Program = iota
	EtcdCtl37
	EtcdUtl37
	Etcd36
	EtcdCtl36
	EtcdUtl36
	Etcd35
	EtcdCtl35
	EtcdUtl35
	Etcd34
	Kubeadm
	Kubectl
	Kubelet
	KubeAPIServer
	KubeControllerManager
	KubeScheduler
	KubeProxy
	SnapshotController
	CSISnapshotter
	Age
	AgeKeygen
	VersityGW
)

// The releases: each is the folder PRODUCT/VERSION that pins it.
const (
	etcd37      = "etcd/v3.7.3"
	etcd36      = "etcd/v3.6.16"
	etcd35      = "etcd/v3.5.35"
	etcd34      = "etcd/v3.4.12" // the last that is in modules: snapshots of 3.4 are still to be found
	kubernetes  = "kubernetes/v1.37.2"
	snapshotter = "snapshotter/v8.7.0"
	age         = "age/v1.3.2"
	versitygw   = "versitygw/v1.8.0"
)

const snapshotterModule = "github.com/kubernetes-csi/external-snapshotter/v8"

// source is what a program is built from.
type source struct {
	name    string // of the executable
	release string // the one that pins it
	main    string // the import path of its main package
}

var sources = [...]source{
	Etcd37:                {"etcd", etcd37, "go.etcd.io/etcd/server/v3"},
	EtcdCtl37:             {"etcdctl", etcd37, "go.etcd.io/etcd/etcdctl/v3"},
	EtcdUtl37:             {"etcdutl", etcd37, "go.etcd.io/etcd/etcdutl/v3"},
	Etcd36:                {"etcd", etcd36, "go.etcd.io/etcd/server/v3"},
	EtcdCtl36:             {"etcdctl", etcd36, "go.etcd.io/etcd/etcdctl/v3"},
	EtcdUtl36:             {"etcdutl", etcd36, "go.etcd.io/etcd/etcdutl/v3"},
	Etcd35:                {"etcd", etcd35, "go.etcd.io/etcd/server/v3"},
	EtcdCtl35:             {"etcdctl", etcd35, "go.etcd.io/etcd/etcdctl/v3"},
	EtcdUtl35:             {"etcdutl", etcd35, "go.etcd.io/etcd/etcdutl/v3"},
	Etcd34:                {"etcd", etcd34, "go.etcd.io/etcd"},
	Kubeadm:               {"kubeadm", kubernetes, "k8s.io/kubernetes/cmd/kubeadm"},
	Kubectl:               {"kubectl", kubernetes, "k8s.io/kubernetes/cmd/kubectl"},
	Kubelet:               {"kubelet", kubernetes, "k8s.io/kubernetes/cmd/kubelet"},
	KubeAPIServer:         {"kube-apiserver", kubernetes, "k8s.io/kubernetes/cmd/kube-apiserver"},
	KubeControllerManager: {"kube-controller-manager", kubernetes, "k8s.io/kubernetes/cmd/kube-controller-manager"},
	KubeScheduler:         {"kube-scheduler", kubernetes, "k8s.io/kubernetes/cmd/kube-scheduler"},
	KubeProxy:             {"kube-proxy", kubernetes, "k8s.io/kubernetes/cmd/kube-proxy"},
	SnapshotController:    {"snapshot-controller", snapshotter, snapshotterModule + "/cmd/snapshot-controller"},
	CSISnapshotter:        {"csi-snapshotter", snapshotter, snapshotterModule + "/cmd/csi-snapshotter"},
	Age:                   {"age", age, "filippo.io/age/cmd/age"},
	AgeKeygen:             {"age-keygen", age, "filippo.io/age/cmd/age-keygen"},
	VersityGW:             {"versitygw", versitygw, "github.com/versity/versitygw/cmd/versitygw"},
}

// stamped are the packages that hold a release's version where its source does not: Kubernetes has the linker write
// it (hack/lib/version.sh there), and a kubeadm without it calls itself v0.0.0-master+$Format:%H$ and refuses to work.
var stamped = map[string][]string{
	kubernetes: {"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"},
}

// All gives every program, those of one release one after the other.
func All() iter.Seq[Program] {
	return func(yield func(Program) bool) {
		for p := range Program(len(sources)) {
			if !yield(p) {
				return
			}
		}
	}
}

// Path gives the absolute path of the executable and builds it if the cache has no intact one. If it can't be
// built, Path ends the test as failed with what the go command said. Several tests and processes may call it at
// once: one builds, the others wait. The file belongs to the cache: run it, don't change it.
func (p Program) Path(t testing.TB) string {
	t.Helper()
	program, err := p.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// Output runs the program, and gives what it prints. A failure ends the test.
func (p Program) Output(t testing.TB, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(p.Path(t), args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v %s: %v\n%s", p, strings.Join(args, " "), err, &stderr)
	}
	return out
}

// Build is Path for callers that are no tests. Once ctx is done a build ends at its next step and leaves nothing
// but the go command's cache.
func (p Program) Build(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a cache for %v: %w", p, err)
	}
	program, err := sources[p].provide(ctx, filepath.Join(cache, "clustersnap", "peers"))
	if err != nil {
		return "", fmt.Errorf("provide %v: %w", p, err)
	}
	return program, nil
}

// String gives name and version, as in "etcdutl v3.7.3".
func (p Program) String() string { return sources[p].name + " " + sources[p].version() }

// version is the one that the folder is named after.
func (s source) version() string { return path.Base(s.release) }
