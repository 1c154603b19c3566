package house

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

var public = []string{
	"", "kubeadm", "kubeadm/job", "kubeadm/restore", "kubeadm/rehost", "kubeadm/aftermath",
	"etcdsnap", "etcdsnap/restore", "pkibundle", "pkibundle/check",
	"pkibundle/reissue", "pkibundle/pair",
	"manifests", "manifests/diff", "manifests/tree", "manifests/storage", "manifests/storage/proof", "manifests/storage/usage",
	"manifests/storage/history",
	"manifests/apply", "volsnap", "volsnap/quiesce", "volsnap/restore", "volsnap/handover", "volsnap/prune",
}

// mayImport is the plan of the house once more, by hand: all that a package of one room may import of the others.
var mayImport = map[string][]string{
	"":                          {"internal"},
	"kubeadm":                   {"internal"},
	"kubeadm/job":               {"internal", "kubeadm"},
	"kubeadm/restore":           {"internal", "kubeadm"},
	"kubeadm/rehost":            {"internal", "kubeadm"},
	"kubeadm/aftermath":         {"internal", "kubeadm"},
	"etcdsnap":                  {"internal"},
	"etcdsnap/restore":          {"internal", "etcdsnap"},
	"pkibundle":                 {"internal"},
	"pkibundle/check":           {"internal", "pkibundle"},
	"pkibundle/reissue":         {"internal", "pkibundle"},
	"pkibundle/pair":            {"internal", "pkibundle"},
	"manifests":                 {"internal"},
	"manifests/diff":            {"internal", "manifests"},
	"manifests/tree":            {"internal", "manifests"},
	"manifests/storage":         {"internal", "manifests"},
	"manifests/storage/proof":   {"internal", "manifests", "manifests/storage"},
	"manifests/storage/usage":   {"internal", "manifests", "manifests/storage"},
	"manifests/storage/history": {"internal", "manifests", "manifests/storage"},
	"manifests/apply":           {"internal", "manifests"},
	"volsnap":                   {"internal"},
	"volsnap/quiesce":           {"internal", "volsnap"},
	"volsnap/restore":           {"internal", "volsnap"},
	"volsnap/handover":          {"internal", "volsnap"},
	"volsnap/prune":             {"internal", "volsnap"},
	"internal":                  {},
	"internal/e2e":              append([]string{"internal", "examples"}, public...),
	"examples":                  public,
}

// mayLink has for each room one package of everything that it may link, and the neighbours of those that it may not.
var mayLink = map[string]struct{ yes, no []string }{
	"": {
		[]string{"github.com/klauspost/compress/zstd"},
		[]string{"github.com/klauspost/compress/s2", "github.com/klauspost/compress/zstdx"},
	},
	"kubeadm": {
		[]string{"k8s.io/api/core/v1", "k8s.io/apimachinery/pkg/runtime", "sigs.k8s.io/yaml"},
		[]string{"k8s.io/client-go/rest", "k8s.io/apiserver/pkg/server", "filippo.io/age"},
	},
	"kubeadm/job": {
		[]string{"k8s.io/api/batch/v1", "k8s.io/apimachinery/pkg/api/resource", "sigs.k8s.io/yaml"},
		[]string{"k8s.io/client-go/kubernetes", "sigs.k8s.io/yamlfmt"},
	},
	"kubeadm/restore": {
		[]string{
			"k8s.io/api/core/v1", "k8s.io/apimachinery/pkg/util/wait", "k8s.io/client-go/kubernetes",
			"k8s.io/cri-api/pkg/apis/runtime/v1", "go.etcd.io/etcd/client/v3", "google.golang.org/grpc",
			"go.etcd.io/etcd/api/v3/v3rpc/rpctypes", "go.uber.org/zap",
		},
		[]string{"go.etcd.io/etcd/pkg/v3/netutil", "sigs.k8s.io/yaml", "k8s.io/cri-client/pkg"},
	},
	"kubeadm/rehost": {
		[]string{"k8s.io/api/core/v1", "k8s.io/apimachinery/pkg/runtime", "sigs.k8s.io/yaml"},
		[]string{"k8s.io/client-go/rest", "k8s.io/kubernetes/cmd/kubeadm/app", "filippo.io/age"},
	},
	"kubeadm/aftermath": {
		[]string{"k8s.io/api/core/v1", "k8s.io/apimachinery/pkg/types", "k8s.io/client-go/kubernetes"},
		[]string{"k8s.io/cri-api/pkg/apis/runtime/v1", "go.etcd.io/etcd/client/v3", "sigs.k8s.io/yaml"},
	},
	"etcdsnap": {
		[]string{
			"go.etcd.io/etcd/client/v3", "go.etcd.io/etcd/api/v3/v3rpc/rpctypes", "google.golang.org/grpc/codes",
			"google.golang.org/protobuf/encoding/protowire",
		},
		[]string{"go.etcd.io/etcd/pkg/v3/netutil", "google.golang.org/protobuf/proto", "sigs.k8s.io/yaml"},
	},
	"etcdsnap/restore": {
		[]string{
			"go.etcd.io/etcd/etcdutl/v3/snapshot", "go.etcd.io/etcd/server/v3/embed", "go.etcd.io/bbolt",
			"go.uber.org/zap",
		},
		[]string{"k8s.io/api/core/v1", "go.uber.org/zapx", "github.com/klauspost/compress/zstd"},
	},
	"pkibundle": {
		[]string{"filippo.io/age", "filippo.io/age/armor", "sigs.k8s.io/yaml"},
		[]string{"filippo.io/hpke", "k8s.io/api/core/v1", "golang.org/x/crypto/ssh"},
	},
	"pkibundle/check": {nil, []string{"filippo.io/age", "sigs.k8s.io/yaml"}},
	"pkibundle/reissue": {
		[]string{"sigs.k8s.io/yaml"},
		[]string{"filippo.io/age", "k8s.io/client-go/tools/clientcmd"},
	},
	"pkibundle/pair": {
		[]string{"google.golang.org/protobuf/encoding/protowire", "sigs.k8s.io/yaml"},
		[]string{"google.golang.org/protobuf/proto", "golang.org/x/crypto/nacl/secretbox", "k8s.io/api/core/v1"},
	},
	"manifests": {
		[]string{
			"k8s.io/client-go/dynamic", "k8s.io/apimachinery/pkg/runtime/schema", "k8s.io/api/core/v1", "sigs.k8s.io/yaml",
			"google.golang.org/protobuf/encoding/protowire",
		},
		[]string{"go.etcd.io/etcd/client/v3", "k8s.io/kubectl/pkg/cmd", "google.golang.org/protobuf/proto"},
	},
	"manifests/diff": {
		[]string{"k8s.io/apimachinery/pkg/api/errors", "sigs.k8s.io/yaml"},
		[]string{"k8s.io/apimachinery/pkg/runtime", "k8s.io/client-go/dynamic", "go.yaml.in/yaml/v2", "filippo.io/age"},
	},
	"manifests/tree": {
		[]string{"filippo.io/age", "sigs.k8s.io/yaml"},
		[]string{"k8s.io/client-go/rest", "k8s.io/apimachinery/pkg/runtime"},
	},
	"manifests/storage": {
		[]string{"k8s.io/client-go/kubernetes/scheme", "k8s.io/apimachinery/pkg/runtime", "go.etcd.io/etcd/api/v3/mvccpb"},
		[]string{"k8s.io/client-go/kubernetes", "go.etcd.io/etcd/api/v3/etcdserverpb", "go.etcd.io/etcd/client/v3"},
	},
	"manifests/storage/proof": {
		[]string{"k8s.io/client-go/rest", "k8s.io/apimachinery/pkg/types", "go.etcd.io/etcd/api/v3/mvccpb"},
		[]string{"go.etcd.io/etcd/client/v3", "sigs.k8s.io/yaml"},
	},
	"manifests/storage/history": {
		[]string{"go.etcd.io/etcd/api/v3/mvccpb"},
		[]string{"k8s.io/client-go/rest", "go.etcd.io/etcd/api/v3/etcdserverpb"},
	},
	"manifests/storage/usage": {
		[]string{"go.etcd.io/etcd/api/v3/mvccpb"},
		[]string{"k8s.io/client-go/rest", "go.etcd.io/etcd/api/v3/etcdserverpb"},
	},
	"manifests/apply": {
		[]string{"k8s.io/client-go/dynamic", "k8s.io/apimachinery/pkg/types", "k8s.io/api/core/v1"},
		[]string{"sigs.k8s.io/yaml", "sigs.k8s.io/controller-runtime/pkg/client"},
	},
	"volsnap": {
		[]string{"k8s.io/client-go/dynamic", "k8s.io/apimachinery/pkg/types", "k8s.io/api/core/v1"},
		[]string{"github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1", "sigs.k8s.io/yaml"},
	},
	"volsnap/quiesce": {
		[]string{"k8s.io/client-go/dynamic", "k8s.io/apimachinery/pkg/types", "k8s.io/api/core/v1"},
		[]string{"sigs.k8s.io/yaml", "k8s.io/kubectl/pkg/cmd"},
	},
	"volsnap/restore": {
		[]string{"k8s.io/client-go/dynamic", "k8s.io/apimachinery/pkg/types", "k8s.io/api/core/v1"},
		[]string{"sigs.k8s.io/yaml", "k8s.io/kubectl/pkg/cmd"},
	},
	"volsnap/handover": {
		[]string{"k8s.io/client-go/dynamic", "k8s.io/apimachinery/pkg/types", "k8s.io/api/core/v1"},
		[]string{"sigs.k8s.io/yaml", "k8s.io/kubectl/pkg/cmd"},
	},
	"volsnap/prune": {
		[]string{"k8s.io/client-go/dynamic", "k8s.io/apimachinery/pkg/types", "k8s.io/api/core/v1"},
		[]string{"sigs.k8s.io/yaml", "k8s.io/kubectl/pkg/cmd"},
	},
	"internal": {
		[]string{"golang.org/x/crypto/nacl/secretbox", "sigs.k8s.io/yaml"},
		[]string{"golang.org/x/sys/unix", "k8s.io/api/core/v1", "golang.org/x/crypto/nacl/box"},
	},
	"internal/e2e": {[]string{"go.etcd.io/etcd/server/v3/embed", "github.com/stretchr/testify/require"}, nil},
	"examples":     {[]string{"go.etcd.io/etcd/server/v3/embed", "github.com/spf13/cobra"}, nil},
}

// home gives a package of a room.
func home(room string) string {
	switch room {
	case "":
		return repo
	case "internal":
		return repo + "/internal/durable"
	case "internal/e2e":
		return repo + "/internal/e2e/cluster"
	case "examples":
		return repo + "/examples/embed"
	default:
		return repo + "/" + room
	}
}

// between is the rule that keeps a room from importing another one that it may not import.
func between(from, to string) string {
	switch {
	case from == "":
		return "the root package imports no room"
	case from == "examples":
		return "examples import public packages only"
	case to == "":
		return "no room imports the root package"
	default:
		return "a room imports no room but those it is in and internal/"
	}
}

// expect holds the report on g against the violations that it must consist of.
func expect(t *testing.T, g graph, want ...string) {
	t.Helper()
	slices.Sort(want)
	got := slices.Sorted(slices.Values(violations(g)))
	if !slices.Equal(got, want) {
		t.Errorf("the report is\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestTablesNameTheSameRooms(t *testing.T) {
	var listed []string
	for _, r := range rooms {
		listed = append(listed, r.path)
	}
	slices.Sort(listed)
	for name, table := range map[string][]string{
		"mayImport": slices.Sorted(maps.Keys(mayImport)),
		"mayLink":   slices.Sorted(maps.Keys(mayLink)),
	} {
		if !slices.Equal(table, listed) {
			t.Errorf("%s has the rooms %q, the list has %q", name, table, listed)
		}
	}
}

func TestHouseAsPlannedIsClean(t *testing.T) {
	g := graph{}
	for room, others := range mayImport {
		imports := []string{"context", "crypto/tls", "vendor/golang.org/x/net/http/httpguts"}
		for _, other := range others {
			imports = append(imports, home(other))
		}
		g[home(room)] = append(imports, mayLink[room].yes...)
	}
	g[repo+"/etcdsnap"] = append(g[repo+"/etcdsnap"], repo+"/etcdsnap/internal/page")
	g[repo+"/etcdsnap/internal/page"] = []string{repo + "/internal/durable", "go.etcd.io/etcd/api/v3/mvccpb"}
	g["go.etcd.io/etcd/server/v3/embed"] = []string{"go.etcd.io/raft/v3"}
	expect(t, g)
}

func TestEveryPairOfRooms(t *testing.T) {
	for from, allowed := range mayImport {
		for to := range mayImport {
			if from == to {
				continue
			}
			t.Run(home(from)+" imports "+home(to), func(t *testing.T) {
				g := graph{home(from): {home(to)}, home(to): nil}
				if slices.Contains(allowed, to) {
					expect(t, g)
				} else {
					expect(t, g, between(from, to)+": "+home(from)+" -> "+home(to))
				}
			})
		}
	}
}

func TestEveryPairOfRoomsThroughAnother(t *testing.T) {
	const middle = repo + "/internal/middle"
	for from := range mayImport {
		if from == "internal" || from == "internal/e2e" || from == "examples" {
			continue
		}
		for to := range mayImport {
			if from == to || to == "internal" || slices.Contains(mayImport[from], to) {
				continue
			}
			t.Run(home(from)+" reaches "+home(to), func(t *testing.T) {
				g := graph{home(from): {middle}, middle: {home(to)}, home(to): nil}
				expect(t, g,
					between(from, to)+": "+home(from)+" -> "+middle+" -> "+home(to),
					between("internal", to)+": "+middle+" -> "+home(to))
			})
		}
	}
}

func TestEveryRoomReachingTheServer(t *testing.T) {
	const says = "only etcdsnap/restore reaches the etcd server: "
	const client = "go.etcd.io/etcd/client/v3"
	for from := range mayImport {
		for _, part := range []string{
			"go.etcd.io/etcd/server/v3/embed", "go.etcd.io/etcd/etcdutl/v3/snapshot", "go.etcd.io/bbolt", "go.etcd.io/raft/v3",
		} {
			t.Run(home(from)+" reaches "+part, func(t *testing.T) {
				g := graph{home(from): {client}, client: {part}, part: {"go.etcd.io/raft/v3/tracker"}}
				got := slices.DeleteFunc(violations(g), func(v string) bool { return !strings.HasPrefix(v, says) })
				var want []string
				if from != "etcdsnap/restore" && from != "internal/e2e" && from != "examples" {
					want = []string{says + home(from) + " -> " + client + " -> " + part}
				}
				if !slices.Equal(got, want) {
					t.Errorf("the report is %q, want %q", got, want)
				}
			})
		}
	}
}

func TestChainsAreTheShortest(t *testing.T) {
	g := graph{
		"a":    {"left", "b", "right"},
		"b":    {"c"},
		"c":    {"end1", "end2"},
		"left": {"left2"}, "left2": {"left3"}, "left3": {"end1", "end2"},
		"right": {"right2"}, "right2": {"right3"}, "right3": {"end1", "end2"},
	}
	var got []string
	for _, chain := range g.chains("a", func(pkg string) bool { return strings.HasPrefix(pkg, "end") }) {
		got = append(got, strings.Join(chain, " "))
	}
	if want := []string{"a b c end1", "a b c end2"}; !slices.Equal(got, want) {
		t.Errorf("the chains from a are %q, want %q", got, want)
	}
}

func TestEveryRoomLinkingMoreThanItMay(t *testing.T) {
	const says = "a room links what its line allows: "
	for from, may := range mayLink {
		for _, pkg := range may.no {
			t.Run(home(from)+" links "+pkg, func(t *testing.T) {
				expect(t, graph{home(from): {"fmt", pkg}, pkg: nil}, says+home(from)+" -> "+pkg)
			})
		}
	}
}

func TestExamplesImportingInternalPackages(t *testing.T) {
	const says = "examples import public packages only: "
	const tool = repo + "/examples/clustersnap"
	for _, private := range []string{
		repo + "/internal/durable", repo + "/internal/e2e/cluster", repo + "/kubeadm/internal/flags",
		repo + "/examples/internal/table", repo + "/internal",
	} {
		t.Run(private, func(t *testing.T) {
			// Through a public package it is that package's affair.
			g := graph{tool: {repo + "/kubeadm", private}, repo + "/kubeadm": {repo + "/kubeadm/internal/flags"}}
			expect(t, g, says+tool+" -> "+private)
		})
	}
}

func TestPackageOfNoRoom(t *testing.T) {
	const says = "every package belongs to a room of the list: "
	for _, stray := range []string{
		"util", "kubeadm/extra", "kubeadmx", "etcdsnap/restore/boot", "internals", "manifests/internalx",
	} {
		t.Run(stray, func(t *testing.T) {
			expect(t, graph{repo + "/" + stray: {"fmt"}}, says+repo+"/"+stray)
		})
	}
	expect(t, graph{repo + "x/util": {repo}}) // another repository
}
