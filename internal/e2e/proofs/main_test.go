package proofs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage/proof"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

func TestMain(m *testing.M) { command.Main(m) }

// stuck is a context for what must come, however slow the machine is.
func stuck(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// losing is a tree that loses what it is told to.
type losing struct {
	*tree.Tree
	lost func(manifests.Key) bool
}

func (l losing) Object(o *manifests.Object) error {
	if l.lost(o.Key) {
		return nil
	}
	return l.Tree.Object(o)
}

// dump writes a tree of the scene's cluster, without what is to be lost of it.
func (s *scene) dump(lost func(manifests.Key) bool, opts manifests.Options) *tree.Saved {
	s.Helper()
	dir := s.TempDir()
	root, err := os.OpenRoot(dir)
	must(s, err)
	defer root.Close()
	to, err := tree.Open(root, tree.Options{Secrets: tree.Include})
	must(s, err)
	defer to.Close()
	cluster, err := manifests.NewCluster(s.node.RESTConfig(s))
	must(s, err)
	report, err := cluster.Dump(s.ctx, losing{to, lost}, opts)
	must(s, err)
	_, err = to.Commit(report)
	must(s, err)
	saved, err := tree.Read(os.DirFS(dir))
	must(s, err)
	s.dir = dir
	return saved
}

// side is a tree as one side of a proof.
func (s *scene) side(saved *tree.Saved) proof.Dump {
	return proof.Dump{Report: saved.Seen(), Entries: saved.Entries(s.ctx),
		Kept: func(ctx context.Context, e manifests.Entry) error {
			_, err := saved.Object(ctx, e)
			return err
		}}
}

// snapshot saves one, and gives where it is.
func (s *scene) snapshot() string {
	s.Helper()
	name := filepath.Join(s.TempDir(), "etcd.snap")
	_, err := etcdsnap.SaveFile(s.ctx, name, s.node.EtcdClient(s), etcdsnap.Options{})
	must(s, err)
	return name
}

// prove holds a tree against a snapshot, at the revision of the tree if the snapshot has it, and at its own if not.
func (s *scene) prove(saved *tree.Saved, snapshot string, opts proof.Options) *proof.Proof {
	s.Helper()
	f, err := os.Open(snapshot)
	must(s, err)
	defer f.Close()
	info, err := f.Stat()
	must(s, err)
	snap, err := etcdsnap.Open(f, info.Size())
	must(s, err)
	at, err := strconv.ParseInt(saved.Seen().ResourceVersion, 10, 64)
	must(s, err)
	view, err := snap.View(s.ctx, "", at)
	if errors.Is(err, etcdsnap.ErrCompacted) || errors.Is(err, etcdsnap.ErrFuture) {
		view, err = snap.View(s.ctx, "", 0)
	}
	must(s, err)
	opts.Prefix = s.prefix
	p, err := proof.Complete(s.ctx, s.side(saved), proof.Store{Revision: view.Revision(), Keys: view.Keys(s.ctx),
		Events: func(after int64) iter.Seq2[*mvccpb.Event, error] { return snap.Events(s.ctx, "", after) }}, opts)
	must(s, err)
	s.Logf("%v", p)
	return p
}

// want holds that a proof has these findings, each as "kind resource/name", and besides only what a control plane has for
// itself and what its controllers have done meanwhile.
func (s *scene) want(p *proof.Proof, findings ...string) {
	s.Helper()
	left := map[string]bool{}
	for _, f := range findings {
		left[f] = true
	}
	own := map[string]bool{"masterleases": true, "peerserverleases": true, "ranges": true, "compact_rev_key": true}
	for _, f := range p.Findings {
		name := fmt.Sprintf("%s %s/%s", f.Is, f.Resource, f.Name)
		moved := f.Is == proof.Created || f.Is == proof.Changed || f.Is == proof.Deleted || f.Is == proof.Unchecked && f.Name != ""
		_, mine := s.uids[f.Name]
		switch {
		case left[name]:
			delete(left, name)
		case moved && !mine: // controllers are still at work
		case (f.Is == proof.Internal || f.Is == proof.Outside) && own[path.Base(f.EtcdKey)]:
		default:
			s.Errorf("there is a finding %v", f)
		}
	}
	for f := range left {
		s.Errorf("%s is not found", f)
	}
	told := p.Matched
	for _, f := range p.Findings {
		if f.EtcdKey != "" && f.Is != proof.Created && f.Is != proof.Changed && f.Is != proof.Deleted || f.Is == proof.Excluded {
			told += max(1, f.Count)
		}
	}
	if p.Strength == proof.Exact && told != p.Keys {
		s.Errorf("%d keys are told of %d", told, p.Keys)
	}
}

// find gives the one finding of a name.
func (s *scene) find(p *proof.Proof, name string) proof.Finding {
	s.Helper()
	for _, f := range p.Findings {
		if f.Name == name {
			return f
		}
	}
	s.Fatalf("there is no finding on %s", name)
	return proof.Finding{}
}
