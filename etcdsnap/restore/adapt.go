package restore

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
	"go.etcd.io/etcd/server/v3/storage/backend"
	"go.etcd.io/etcd/server/v3/storage/mvcc"
	"go.etcd.io/etcd/server/v3/storage/schema"

	"github.com/clustersnap/clustersnap/etcdsnap"
)

// adaption is what changes in a database when it becomes that of a new cluster: in one transaction, where etcdutl takes four.
type adaption struct {
	cluster  *cluster
	content  *etcdsnap.Content
	upgrade  string
	revision int64 // the new one, or 0 for that of the snapshot
	opts     Options

	hadLeases, hadAuth bool
}

func newAdaption(c *cluster, content *etcdsnap.Content, known int64, age time.Duration, opts Options) (*adaption, error) {
	a := &adaption{cluster: c, content: content, opts: opts}
	var err error
	if a.upgrade, err = checkVersion(content, opts.Etcd); err != nil {
		return nil, err
	}
	for _, alarm := range content.Alarms {
		switch {
		case alarm.Kind == "NOSPACE" || opts.DespiteCorruption:
		case alarm.Kind != "CORRUPT":
			return nil, fmt.Errorf("member %s had raised the alarm %s, which is not known here", alarm.MemberID, alarm.Kind)
		default:
			return nil, fmt.Errorf("member %s had raised the alarm %s: its data were not those of the others: take a snapshot from before, or one of another member", alarm.MemberID, alarm.Kind)
		}
	}
	switch {
	case opts.WatchesMissEvents:
	case opts.Revision == 0:
		a.revision, err = raised(content.Revision, known, age)
	default:
		a.revision, err = opts.Revision, checkRevision(opts.Revision, max(content.Revision, known))
	}
	return a, err
}

func (a *adaption) report(r *Result) {
	r.SnapshotRevision, r.Revision = a.content.Revision, max(a.revision, a.content.Revision)
	r.Alarms, r.Downgrade, r.Upgrade = a.content.Alarms, a.content.Downgrade, a.upgrade
	r.LeasesDropped, r.AuthDropped = a.hadLeases, a.hadAuth
}

// run changes the database, which has been verified. It is put on disk later, with the rest.
func (a *adaption) run(path string) (err error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		NoSync: true, NoGrowSync: true, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.Update(func(tx *bbolt.Tx) error {
		for _, change := range []func(*bbolt.Tx) error{a.members, a.meta, a.raise, a.drop} {
			if err := change(tx); err != nil {
				return err
			}
		}
		return nil
	})
}

// members replaces those of the old cluster, the version that they had agreed upon, a downgrade that was under way, and alarms.
func (a *adaption) members(tx *bbolt.Tx) error {
	for _, b := range []backend.Bucket{schema.Members, schema.MembersRemoved, schema.Cluster, schema.Alarm} {
		if _, err := empty(tx, b); err != nil {
			return err
		}
	}
	for _, id := range a.cluster.ids {
		value, err := json.Marshal(a.cluster.Member(id))
		if err != nil {
			return err
		}
		if err := tx.Bucket(schema.Members.Name()).Put(schema.BackendMemberKey(id), value); err != nil {
			return err
		}
	}
	return nil
}

// empty makes a bucket anew, and says whether anything was in it.
func empty(tx *bbolt.Tx, b backend.Bucket) (had bool, err error) {
	if old := tx.Bucket(b.Name()); old != nil {
		k, _ := old.Cursor().First()
		had = k != nil
		if err := tx.DeleteBucket(b.Name()); err != nil {
			return false, err
		}
	}
	_, err = tx.CreateBucket(b.Name())
	return had, err
}

// meta makes the database one that has applied all of the new log.
func (a *adaption) meta(tx *bbolt.Tx) error {
	b, err := tx.CreateBucketIfNotExists(schema.Meta.Name())
	if err != nil {
		return err
	}
	state, err := json.Marshal(a.cluster.confState())
	if err != nil {
		return err
	}
	return errors.Join(
		b.Put(schema.MetaConsistentIndexKeyName, binary.BigEndian.AppendUint64(nil, a.cluster.commit())),
		b.Put(schema.MetaTermKeyName, binary.BigEndian.AppendUint64(nil, term)),
		b.Put(schema.MetaConfStateName, state),
	)
}

// raise puts an empty record at the new revision, from which etcd takes up counting, and has it compact all before: every
// watch from an earlier revision then ends, and its client lists anew (etcd-io/etcd#16028).
func (a *adaption) raise(tx *bbolt.Tx) error {
	if a.revision == 0 {
		return nil
	}
	key := mvcc.RevToBytes(mvcc.Revision{Main: a.revision}, mvcc.NewRevBytes())
	return errors.Join(
		tx.Bucket(schema.Key.Name()).Put(key, []byte{}),
		tx.Bucket(schema.Meta.Name()).Put(schema.ScheduledCompactKeyName, key),
	)
}

func (a *adaption) drop(tx *bbolt.Tx) (err error) {
	if a.opts.DropLeases {
		if a.hadLeases, err = empty(tx, schema.Lease); err != nil {
			return err
		}
	}
	if !a.opts.DropAuth {
		return nil
	}
	for _, b := range []backend.Bucket{schema.Auth, schema.AuthUsers, schema.AuthRoles} {
		had, err := empty(tx, b)
		if err != nil {
			return err
		}
		a.hadAuth = a.hadAuth || had
	}
	return nil
}
