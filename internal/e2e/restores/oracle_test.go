package restores

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/server/v3/etcdserver/api/snap"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
	"go.etcd.io/raft/v3/raftpb"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// What etcdutl makes of the same snapshot is what we make, but for what a new cluster should not have.
func TestEtcdutlIsTheOracle(t *testing.T) {
	for version, etcd := range etcdbed.Versions() {
		t.Run("etcd "+version, func(t *testing.T) {
			t.Parallel()
			old := etcdbed.Start(t, etcdbed.Options{Etcd: etcd})
			fill(t, old)
			raise(t, old, etcdserverpb.AlarmType_NOSPACE)
			path := snapshotOf(t, old)
			for _, members := range []int{1, 3} {
				t.Run(fmt.Sprintf("%d members", members), func(t *testing.T) { likeEtcdutl(t, path, members) })
			}
		})
	}
}

const token = "a-token"

func likeEtcdutl(t *testing.T, path string, members int) {
	c := etcdbed.Plan(t, etcdbed.Options{Members: members})
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	result, err := restore.Restore(t.Context(), f, membersOf(c), 0, restore.Options{ClusterToken: token})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range c.Members {
		theirs := filepath.Join(t.TempDir(), m.Name)
		peers.EtcdUtl37.Output(t, "snapshot", "restore", path, "--data-dir", theirs, "--name", m.Name, "--initial-cluster", initialCluster(c),
			"--initial-advertise-peer-urls", m.PeerURL, "--initial-cluster-token", token, "--bump-revision", "1000000000", "--mark-compacted")
		sameDatabase(t, m.DB(), filepath.Join(theirs, "member/snap/db"), result)
		sameLog(t, readLog(t, m.DataDir, members), readLog(t, theirs, members))
		sameSnap(t, m.DataDir, theirs, members)
		sameNames(t, m.DataDir, theirs)
		hasModes(t, m.DataDir)
	}
}

func initialCluster(c *etcdbed.Cluster) string {
	var list []string
	for _, m := range c.Members {
		list = append(list, m.Name+"="+m.PeerURL)
	}
	return strings.Join(list, ",")
}

// sameDatabase holds ours against that of etcdutl. It keeps three things of the old cluster: alarms, which make the new one refuse
// writes; what the members had agreed upon; and raft's list of them.
func sameDatabase(t *testing.T, ourPath, theirPath string, result *restore.Result) {
	t.Helper()
	ours, theirs := bucketsOf(t, ourPath), bucketsOf(t, theirPath)
	if len(theirs["alarm"]) != 1 || theirs["cluster"]["clusterVersion"] == "" {
		t.Errorf("etcdutl keeps the alarms %q and the cluster %q: is that what it was held against?", theirs["alarm"], theirs["cluster"])
	}
	hasOnly(t, ours, result)
	for _, b := range []string{"alarm", "cluster"} {
		delete(ours, b)
		delete(theirs, b)
	}
	if old := theirs["meta"]["confState"]; old == ours["meta"]["confState"] {
		t.Errorf("etcdutl, too, has the confState %s", old)
	}
	delete(ours["meta"], "confState")
	delete(theirs["meta"], "confState")

	if got, want := slices.Sorted(maps.Keys(ours)), slices.Sorted(maps.Keys(theirs)); !slices.Equal(got, want) {
		t.Errorf("buckets %q, want %q", got, want)
	}
	for name, want := range theirs {
		for key := range want {
			if got, ok := ours[name][key]; !ok || got != want[key] {
				t.Errorf("bucket %s, key %q: %q (there %v), want %q", name, key, got, ok, want[key])
			}
		}
		if len(ours[name]) != len(want) {
			t.Errorf("bucket %s has %d keys, want %d", name, len(ours[name]), len(want))
		}
	}
}

// record is all that a member's log tells.
type record struct {
	Metadata []byte
	State    *raftpb.HardState
	Entries  []*raftpb.Entry
	Valid    []*walpb.Snapshot
}

// readLog reads a log from its very beginning, and once more from its snapshot, as etcd does.
func readLog(t *testing.T, dataDir string, members int) record {
	t.Helper()
	dir := filepath.Join(dataDir, "member", "wal")
	r := record{}
	var err error
	if r.Valid, err = wal.ValidSnapshotEntries(zap.NewNop(), dir); err != nil {
		t.Fatal(err)
	}
	for _, from := range append([]*walpb.Snapshot{{}}, r.Valid[len(r.Valid)-1]) {
		log, err := wal.OpenForRead(zap.NewNop(), dir, from)
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		metadata, state, entries, err := log.ReadAll()
		if err != nil {
			t.Fatalf("read %s from %v: %v", dir, from, err)
		}
		if from.GetIndex() == 0 {
			r.Metadata, r.State, r.Entries = metadata, state, entries
			if len(entries) != members {
				t.Errorf("%s has %d entries, want %d", dir, len(entries), members)
			}
		} else if len(entries) > 0 {
			t.Errorf("%s has %d entries after its snapshot", dir, len(entries))
		}
	}
	return r
}

func sameLog(t *testing.T, ours, theirs record) {
	t.Helper()
	if string(ours.Metadata) != string(theirs.Metadata) || len(ours.Metadata) == 0 {
		t.Errorf("metadata %x, want %x", ours.Metadata, theirs.Metadata)
	}
	if !proto.Equal(ours.State, theirs.State) {
		t.Errorf("state %v, want %v", ours.State, theirs.State)
	}
	if !slices.EqualFunc(ours.Entries, theirs.Entries, func(a, b *raftpb.Entry) bool { return proto.Equal(a, b) }) {
		t.Errorf("entries\n%v\nwant\n%v", ours.Entries, theirs.Entries)
	}
	if !slices.EqualFunc(ours.Valid, theirs.Valid, func(a, b *walpb.Snapshot) bool { return proto.Equal(a, b) }) {
		t.Errorf("snapshots\n%v\nwant\n%v", ours.Valid, theirs.Valid)
	}
}

// sameSnap holds raft's snapshot against that of etcdutl. In it are the members, in a tree as version 2 of etcd's API has it.
func sameSnap(t *testing.T, ours, theirs string, members int) {
	t.Helper()
	name := fmt.Sprintf("member/snap/%016x-%016x.snap", 1, members)
	our, err := snap.Read(zap.NewNop(), filepath.Join(ours, name))
	if err != nil {
		t.Fatal(err)
	}
	their, err := snap.Read(zap.NewNop(), filepath.Join(theirs, name))
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(our.GetMetadata(), their.GetMetadata()) {
		t.Errorf("metadata of the snapshot: %v, want %v", our.GetMetadata(), their.GetMetadata())
	}
	got, want := valuesOf(t, our.GetData()), valuesOf(t, their.GetData())
	if !maps.Equal(got, want) {
		t.Errorf("tree of the snapshot:\n%v\nwant\n%v", got, want)
	}
	if n := strings.Count(fmt.Sprint(want), "peerURLs"); n != members {
		t.Errorf("the tree tells of %d members, want %d: %v", n, members, want)
	}
}

// valuesOf gives the values in such a tree by their paths. Indices and times are left out: the first are in whatever order the
// members were added in, which is none.
func valuesOf(t *testing.T, data []byte) map[string]string {
	t.Helper()
	var store struct{ Root v2Node }
	if err := json.Unmarshal(data, &store); err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	store.Root.visit(func(n v2Node) { values[n.Path] = n.Value })
	return values
}

type v2Node struct {
	Path, Value string
	Children    map[string]v2Node
}

func (n v2Node) visit(do func(v2Node)) {
	do(n)
	for _, child := range n.Children {
		child.visit(do)
	}
}

// sameNames holds that there are the same files and directories.
func sameNames(t *testing.T, ours, theirs string) {
	t.Helper()
	if got, want := names(t, ours), names(t, theirs); !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	if err := fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, err error) error {
		list = append(list, path)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

// hasModes holds that nobody else can read what was restored.
func hasModes(t *testing.T, dir string) {
	t.Helper()
	for _, name := range names(t, dir) {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		want := fs.FileMode(0o600)
		if info.IsDir() {
			want = fs.ModeDir | 0o700
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
	}
}
