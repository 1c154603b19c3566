package house

import (
	"slices"
	"strings"
)

// repo is the import path of the root package; every other package of the repository is below it.
const repo = "github.com/clustersnap/clustersnap"

// kind is what a room is to the others.
type kind int

const (
	root     kind = iota // the backup set
	library              // one package that people import, with an internal/ of its own at most
	shared               // pieces that two rooms share
	bed                  // the test bed
	examples             // what people copy
)

// room is one line of the plan of the house.
type room struct {
	path  string // below repo
	kind  kind
	links []string // the third-party modules or packages that it may import; the bed and the examples choose freely
}

var rooms = []room{
	{"", root, []string{"github.com/klauspost/compress/zstd"}},
	{"kubeadm", library, []string{"k8s.io/api", "k8s.io/apimachinery", "sigs.k8s.io/yaml"}},
	{"kubeadm/job", library, []string{"k8s.io/api", "k8s.io/apimachinery", "sigs.k8s.io/yaml"}},
	{"kubeadm/restore", library, []string{
		"k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go", "k8s.io/cri-api",
		"go.etcd.io/etcd/api/v3", "go.etcd.io/etcd/client/v3", "go.uber.org/zap", "google.golang.org/grpc",
	}},
	{"kubeadm/rehost", library, []string{"k8s.io/api", "k8s.io/apimachinery", "sigs.k8s.io/yaml"}},
	{"kubeadm/aftermath", library, []string{"k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go"}},
	// zap, here and below, because etcd's own constructors want a logger of its type.
	{"etcdsnap", library, []string{
		"go.etcd.io/etcd/api/v3", "go.etcd.io/etcd/client/v3", "go.uber.org/zap", "google.golang.org/grpc",
		"google.golang.org/protobuf/encoding/protowire",
	}},
	{"etcdsnap/restore", library, []string{
		"go.etcd.io", "go.uber.org/zap", "golang.org/x/sys/unix", "google.golang.org/protobuf/proto",
	}},
	{"pkibundle", library, []string{"filippo.io/age", "sigs.k8s.io/yaml"}},
	{"pkibundle/check", library, nil},
	{"pkibundle/reissue", library, []string{"sigs.k8s.io/yaml"}},
	{"pkibundle/pair", library, []string{"google.golang.org/protobuf/encoding/protowire", "sigs.k8s.io/yaml"}},
	{"manifests", library, []string{
		"k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go", "sigs.k8s.io/yaml", "google.golang.org/protobuf/encoding/protowire",
	}},
	{"manifests/tree", library, []string{"filippo.io/age", "sigs.k8s.io/yaml"}},
	{"manifests/diff", library, []string{"k8s.io/apimachinery/pkg/api/errors", "sigs.k8s.io/yaml"}},
	{"manifests/storage", library, []string{
		"k8s.io/apimachinery", "k8s.io/client-go/kubernetes/scheme", "go.etcd.io/etcd/api/v3/mvccpb",
		"google.golang.org/protobuf/encoding/protowire",
	}},
	{"manifests/storage/proof", library, []string{"k8s.io/apimachinery", "k8s.io/client-go", "go.etcd.io/etcd/api/v3/mvccpb"}},
	{"manifests/storage/history", library, []string{"go.etcd.io/etcd/api/v3/mvccpb"}},
	{"manifests/storage/usage", library, []string{"go.etcd.io/etcd/api/v3/mvccpb"}},
	{"manifests/apply", library, []string{"k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go"}},
	{"volsnap", library, []string{"k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go"}},
	{"volsnap/quiesce", library, []string{"k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go"}},
	{"volsnap/restore", library, []string{"k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go"}},
	{"volsnap/handover", library, []string{"k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go"}},
	{"volsnap/prune", library, []string{"k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go"}},
	// What kube-apiserver has encrypted with NaCl's secretbox, the standard library doesn't open; age brings the module anyway.
	// The parser below sigs.k8s.io/yaml, because that copies what a document repeats before anybody can count it.
	{"internal", shared, []string{"golang.org/x/crypto/nacl/secretbox", "sigs.k8s.io/yaml", "go.yaml.in/yaml/v2"}},
	{"internal/e2e", bed, nil},
	{"examples", examples, nil},
}

// roomOf finds the room that a package of the repository belongs to.
func roomOf(pkg string) (room, bool) {
	var found room
	var ok bool
	for _, r := range rooms {
		if r.holds(pkg) && len(r.path) >= len(found.path) { // internal/e2e is not of internal
			found, ok = r, true
		}
	}
	return found, ok
}

// holds reports whether pkg is the room's: its package or one of its own internal/, or any package in a folder of
// many.
func (r room) holds(pkg string) bool {
	home := strings.TrimSuffix(repo+"/"+r.path, "/")
	switch r.kind {
	case root:
		return pkg == home
	case library:
		return pkg == home || under(pkg, home+"/internal")
	default:
		return under(pkg, home)
	}
}

// under reports whether pkg is prefix or below it.
func under(pkg, prefix string) bool {
	return pkg == prefix || strings.HasPrefix(pkg, prefix+"/")
}

// underAny reports whether pkg is one of the prefixes or below one.
func underAny(pkg string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return under(pkg, prefix) })
}
