package proof

import (
	"context"
	"fmt"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// other reports whether an object and a key of the same place are known to be two objects, one after the other.
func (s stored) other(r *row) bool { return s.uid != "" && r.uid != "" && s.uid != r.uid }

// kubeSystem is the namespace whose uid is the identity of a cluster.
var kubeSystem = manifests.Key{Resource: "namespaces", Name: "kube-system"}

// both judges a key that the dump has an object of.
func (j *judge) both(s stored, r *row) error {
	r.matched = true
	other := s.other(r)
	if other && s.Key == kubeSystem {
		return fmt.Errorf("%w: kube-system has uid %.64q in the dump, and %.64q in the store", ErrOtherCluster, r.uid, s.uid)
	}
	if r.lost {
		return nil
	}
	same := r.rv == s.mod && (r.rv > 0 || r.version == s.version)
	if same && !other {
		j.matched++
		return nil
	}
	j.ledger.add(j.differs(s, r, other))
	return nil
}

// differs says what is between an object and its key that are not the same. Of two that are known to be other objects, one
// came after the other.
func (j *judge) differs(s stored, r *row, other bool) Finding {
	f := s.finding(Differs)
	f.Key, f.ResourceVersion = r.Key, r.version
	o := j.covered.of(r.Key)
	switch {
	case r.rv == s.mod && r.rv > 0:
		f.Why = fmt.Sprintf("the revision is the same, and the uid in the dump is %q: these are two histories of one cluster", r.uid)
	case o.Clock != "" && (!other || r.rv > j.revision):
		f.Is, f.Why = Changed, "its kind was listed at another moment than the dump's, at "+o.Clock
	case o.State != manifests.Listed:
		f.Why = "the dump has an older state of it: " + unlisted(o)
	case j.revision < j.instant && r.rv > j.revision: // the dump has seen more than the keys
		f.Is, f.Why = Changed, fmt.Sprintf("it was changed after revision %d of the keys", j.revision)
		if other {
			f.Why = fmt.Sprintf("it was deleted and created again after revision %d of the keys", j.revision)
		}
	case s.mod <= j.instant:
		f.Why = fmt.Sprintf("at revision %d it was last changed at %d, and the dump has another state",
			min(j.revision, j.instant), s.mod)
	case s.create > j.instant:
		f.Is, f.Why = Changed, fmt.Sprintf("it was deleted after the dump, and created again at revision %d", s.create)
	case other && s.create == 0:
		f.Is, f.Why = Changed, fmt.Sprintf("it was deleted after the dump at %d, and created again", j.instant)
	case other:
		f.Why = fmt.Sprintf("it is there since revision %d, and the uid in the dump is %q", s.create, r.uid)
	case r.rv < s.create || r.rv > j.instant:
		f.Why = fmt.Sprintf("it is there since revision %d, the dump is of %d, and its state fits neither", s.create, j.instant)
	default:
		f.Is, f.Why = Changed, fmt.Sprintf("it was changed after the dump at %d", j.instant)
	}
	return f
}

// absent judges a key that was there when the dump was made, or as long before as the keys are older, and that the dump
// does not have.
func (j *judge) absent(ctx context.Context, s stored) error {
	f := s.finding(Unsaved)
	o := j.covered.of(s.Key)
	switch {
	case s.use != storage.Object:
		f.Why = "nothing that an API server is known to write looks like this key"
	case o.State == manifests.Excluded:
		f.Is, f.Why = Excluded, o.Why
		if f.Why == "" {
			f.Why = "the dump was told to leave out its kind, or all but some namespaces"
		}
		j.ledger.tally(f.alike())
		return nil
	case o.State != manifests.Listed:
		f.Why = unlisted(o)
	case o.Clock != "":
		f.Why = "its kind was listed in another store than this etcd, and this key is left in it"
	case narrow(j.report.Selection):
		in, err := j.inSelection(ctx, s)
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil && !in {
			j.leaveOut(s)
			return nil
		}
		f.Why = "its kind was listed, it was to be selected, and it is not in the dump"
		if err != nil {
			f.Why = "it is not in the dump, and whether it was to be selected is not known: " + err.Error()
		}
	default:
		f.Why = "its kind was listed, and it is not in the dump"
	}
	if j.revision < j.instant {
		f.Why += fmt.Sprintf(", or it was deleted after revision %d, which these keys can't show", j.revision)
	}
	j.ledger.add(f)
	return nil
}

// leaveOut counts a key that the selection of the dump does not take.
func (j *judge) leaveOut(s stored) {
	f := s.finding(Excluded)
	f.Why = "its labels or its class are not among those that were selected"
	j.ledger.tally(f.alike())
}

// alike leaves what all objects of one kind have in common.
func (f Finding) alike() Finding {
	return Finding{Is: f.Is, Key: manifests.Key{Group: f.Group, Resource: f.Resource}, ObjectKind: f.ObjectKind, Why: f.Why}
}
