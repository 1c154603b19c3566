package proof

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests"
)

var (
	// ErrNoInstant says that a dump does not know its resource version, or those of its objects: a tree that came from git
	// has none.
	ErrNoInstant = errors.New("the dump does not say which resource version it is of")
	// ErrOtherCluster says that the namespace kube-system has one uid in the dump and another in the store, or that the cluster
	// has not come as far as the dump.
	ErrOtherCluster = errors.New("the dump and the store are of two clusters")
	// ErrWithheld is what [Dump.Kept] wraps for an object whose content was left out on purpose.
	ErrWithheld = errors.New("its content is left out")
)

// Dump is one side of a proof: what was saved.
type Dump struct {
	// Report is that of the dump, as a tree keeps it.
	Report *manifests.Report
	// Entries are those of all objects that it has, each key once, in any order. It is read once.
	Entries iter.Seq2[manifests.Entry, error]
	// Kept says of an object how much of it is there: nil for all of it, [ErrWithheld] for what was left out on purpose.
	// Any other error makes the object Unsaved. Without Kept, all is taken to be there.
	Kept func(ctx context.Context, e manifests.Entry) error
}

// Store is the other side: what was stored. A snapshot of etcd gives both (package etcdsnap, View and Events), and so does
// a client of etcd.
type Store struct {
	// Revision is that of Keys: the one of the dump if the store still has it, and any other if not.
	Revision int64
	// Keys are all that there are at Revision, also those that are not below the prefix. It is read once.
	Keys iter.Seq2[*mvccpb.KeyValue, error]
	// Events is what is stored of all keys after a revision, oldest first, as a watch gives it. It is asked for what came
	// after the dump, which it explains, and in a [Weaker] proof once more for all. It may be nil.
	Events func(after int64) iter.Seq2[*mvccpb.Event, error]
}

// Options say how to read what is stored. The zero value is what kubeadm sets up.
type Options struct {
	// Prefix is kube-apiserver's --etcd-prefix. Empty is /registry.
	Prefix string
	// Encryption is an EncryptionConfiguration. Encrypted values can be held against a dump without one: their keys are in
	// the clear. But of those that are not in a dump, neither uid nor class is known.
	Encryption []byte
}

// Complete holds a dump against what was stored, key by key: an object and a key are the same if place and revision are, a
// resource version being the revision of etcd that wrote the object.
//
// Where Store has the keys at the revision of the dump, the proof is Exact. Otherwise it is Weaker, and these hold: a key
// that was created before the dump was there when it was made, unless it was deleted between an older snapshot and the
// dump, which nothing shows. So it has to be in the dump, always. One that was created since need not be.
//
// Memory is needed for the dump's entries, some 120 bytes for each beside their text, for the findings, and for the keys
// that Events touches. Errors wrap [ErrNoInstant], [ErrOtherCluster], or are those of the sequences; a proof that is not
// complete is no error.
func Complete(ctx context.Context, d Dump, s Store, opts Options) (*Proof, error) {
	p, err := complete(ctx, d, s, opts)
	if err != nil {
		return nil, fmt.Errorf("prove completeness: %w", err)
	}
	return p, nil
}

func complete(ctx context.Context, d Dump, s Store, opts Options) (*Proof, error) {
	j, err := newJudge(ctx, d, opts)
	if err != nil {
		return nil, err
	}
	defer j.close()
	j.revision = s.Revision
	if err := j.keys(ctx, s.Keys); err != nil {
		return nil, err
	}
	if s.Events != nil && s.Revision >= j.instant {
		if err := j.events(ctx, s.Events); err != nil {
			return nil, err
		}
	}
	j.rest()
	return j.proof(), nil
}

// instantOf is the revision of a dump.
func instantOf(report *manifests.Report) (int64, error) {
	if report == nil || report.ResourceVersion == "" {
		return 0, ErrNoInstant
	}
	n, err := strconv.ParseInt(report.ResourceVersion, 10, 64)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("%w: %.40q is no revision of etcd", ErrNoInstant, report.ResourceVersion)
	}
	return n, nil
}
