package proofs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/ondisk"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage/proof"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

func TestMain(m *testing.M) { command.Main(m) }

var must, stuck = trial.Must, trial.Context

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
	cluster, err := manifests.NewCluster(s.node.RESTConfig(s))
	must(s, err)
	s.dir = s.TempDir()
	saved, _ := ondisk.Tree(s, s.dir, tree.Options{Secrets: tree.Include}, func(to *tree.Tree) (*manifests.Report, error) {
		return cluster.Dump(s.ctx, losing{to, lost}, opts)
	})
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
	return ondisk.Snapshot(s, s.node.EtcdClient(s))
}

// prove holds a tree against a snapshot, at the revision of the tree if the snapshot has it, and at its own if not.
func (s *scene) prove(saved *tree.Saved, snapshot string, opts proof.Options) *proof.Proof {
	s.Helper()
	snap := ondisk.Open(s, snapshot)
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

// late is what a proof from the API says where the API server has not counted since something was deleted.
const late = "prove again in a minute"

// fromAPI proves a tree by what the API shows, as often as it is told to.
func (s *scene) fromAPI(saved *tree.Saved) (p *proof.Proof) {
	s.Helper()
	s.await(func() (counted bool) {
		var err error
		p, err = proof.FromAPI(s.ctx, s.side(saved), s.node.RESTConfig(s))
		must(s, err)
		return !slices.ContainsFunc(p.Findings, func(f proof.Finding) bool { return strings.Contains(f.Why, late) })
	})
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
