package restore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/clustersnap/clustersnap/etcdsnap"
)

// Member is one of the new cluster's.
type Member struct {
	// Name is etcd's --name.
	Name string
	// PeerURLs are etcd's --initial-advertise-peer-urls. They must be those that other members can reach: with
	// etcdutl's default, http://localhost:2380, none can ever join (kubernetes/kubeadm#2071).
	PeerURLs []string
	// DataDir is etcd's --data-dir, which is made: it must not exist, or be an empty directory or mount point, or a link to
	// one, unless [Options.MoveAside] is set. It is empty for a member whose directory another call makes, on another node, from
	// the same snapshot and with the same [Options.ClusterToken] and [Options.Revision].
	DataDir string
	// WALDir is etcd's --wal-dir. Empty means that the log is in the data directory. Another place needs Linux, and a file system that
	// can exchange two names, as for [Options.MoveAside].
	WALDir string
}

// Options changes how Restore works.
type Options struct {
	// MoveAside puts an old member that is in a data directory aside, instead of refusing it: into a directory
	// beside it, whose name the result says. Nothing is ever deleted. Etcd must not run on it. Only Linux can do that, and
	// elsewhere the error wraps [errors.ErrUnsupported].
	MoveAside bool
	// ClusterToken is etcd's --initial-cluster-token. Empty means a fresh random one, so that no surviving member of
	// the old cluster can mix with the new one.
	ClusterToken string
	// Revision is the new one, instead of one that follows from age. Where members are made by several calls, the first one
	// chooses token and revision, and the others are given both from its Result: members that start at
	// different revisions would differ from then on.
	Revision int64
	// LastRevision is the last revision that is known of the old cluster, or 0. The new one is above it. Data directories
	// that are moved aside are looked at in any case.
	LastRevision int64
	// WatchesMissEvents leaves the revision and the past as they are in the snapshot. Clients of a Kubernetes API that
	// have seen more than that then keep stale objects without an error, for hours
	// (etcd-io/etcd#16028, kubernetes/kubernetes#118501).
	WatchesMissEvents bool
	// DespiteCorruption takes a snapshot with a CORRUPT alarm in it: a member had other data than the rest.
	DespiteCorruption bool
	// DropAuth removes users, roles and passwords, and turns authentication off. The default keeps them all: then
	// it takes a password of that time to get in.
	DropAuth bool
	// DropLeases removes all leases. Their keys stay, and never expire. The default keeps them: each gets its whole time
	// to live anew when etcd starts.
	DropLeases bool
	// NoDigest takes a copy of a database file, member/snap/db, as etcdsnap.VerifyOptions does.
	NoDigest bool
	// Step, if not nil, is called before each step that changes something on disk, with what it does.
	Step func(what string)
	// Etcd is the version of the etcd that the directories are for, such as "3.6.5" or "v3.6". One that can't read the
	// snapshot is refused. Empty means that nothing is checked.
	Etcd string

	inspect func(ctx context.Context, db string) error // the database as it was in the snapshot
}

// Result says what was restored.
type Result struct {
	Snapshot etcdsnap.Info `json:"snapshot"`
	// SnapshotRevision is the last revision in the snapshot, and Revision the one that the
	// restored etcd starts at. All before Revision is compacted, unless Options.WatchesMissEvents is set.
	SnapshotRevision int64 `json:"snapshotRevision"`
	Revision         int64 `json:"revision"`
	// ClusterToken and ClusterID, in hexadecimal, are the new cluster's.
	ClusterToken string `json:"clusterToken"`
	ClusterID    string `json:"clusterID"`
	// Members are all of the new cluster's, in the order of the call.
	Members []Made `json:"members"`
	// Upgrade is set where the snapshot's etcd is a minor version older than Options.Etcd, to both of them: "3.5 to 3.6".
	Upgrade string `json:"upgrade,omitempty"`
	// Alarms and Downgrade are what the snapshot had, and the directories have no more.
	Alarms    []etcdsnap.Alarm `json:"alarms,omitempty"`
	Downgrade string           `json:"downgrade,omitempty"`
	// LeasesDropped and AuthDropped say that there were some.
	LeasesDropped bool `json:"leasesDropped,omitempty"`
	AuthDropped   bool `json:"authDropped,omitempty"`
}

// Made is one member of the new cluster.
type Made struct {
	Name string `json:"name"`
	// ID is etcd's, in hexadecimal as etcdctl prints it.
	ID string `json:"id"`
	// DataDir is empty where the directory was not made by this call.
	DataDir string `json:"dataDir,omitempty"`
	// Aside is the directory that the old member is in now, and OldRevision what its clients can have seen at most. Unread says
	// why that could not be found out, for one that is damaged: then it is only what its database has, or 0.
	Aside       string `json:"aside,omitempty"`
	OldRevision int64  `json:"oldRevision,omitempty"`
	Unread      string `json:"unread,omitempty"`
	// WALAside is where the old log went, if that was not in the data directory.
	WALAside string `json:"walAside,omitempty"`
}

// Restore makes the data directories of a new cluster's members from the snapshot src, which was taken age ago.
//
// The revision is raised, and all of the past marked compacted: by 1e9 and another 20,000 for each second of age, and
// by more if that is needed to be 1e9 above any revision that is known, which is [Options.LastRevision] or in a data directory
// that is moved aside. Alarms, a pending downgrade, the agreed cluster version and the old
// members are left behind.
//
// It needs room for the snapshot once for each member, where the file system can't share it, and 160 MiB each. It works
// under a hidden name that ends in .partial: in the directory itself where that is there already, as a mount point is, and beside
// it otherwise. Nothing but what a killed Restore has left is touched before the snapshot has been verified and all directories are
// whole and on disk. Then each appears by one rename; with a WALDir, which is a second place, etcd can't start from either until both
// are there. After an error there is nothing new, and what was moved aside is back, or the error says why not. What a Restore
// that was killed has left is settled by the next one for the same directory.
//
// Files are of mode 0600 and directories of 0700. They belong to the owner of the data directory, and have its SELinux label, if
// that exists. (The label is built from documents: no test has run on a system with SELinux.)
//
// The error wraps [etcdsnap.ErrCorrupt], [etcdsnap.ErrInUse], [ErrVersion], [fs.ErrExist], ctx's cause, or is one
// of src's or of the file system's.
func Restore(ctx context.Context, src io.Reader, members []Member, age time.Duration, opts Options) (*Result, error) {
	result, err := restore(ctx, src, members, age, opts)
	if err != nil {
		return nil, fmt.Errorf("restore etcd%s: %w", directories(members), err)
	}
	return result, nil
}

func directories(members []Member) string {
	var list []string
	for _, m := range members {
		if m.DataDir != "" {
			list = append(list, m.DataDir)
		}
	}
	if len(list) == 0 {
		return ""
	}
	return " to " + strings.Join(list, ", ")
}

func restore(ctx context.Context, src io.Reader, members []Member, age time.Duration, opts Options) (_ *Result, err error) {
	if err := checkOptions(members, age, opts); err != nil {
		return nil, err
	}
	if opts.ClusterToken == "" {
		opts.ClusterToken = "restore-" + rand.Text()
	}
	cluster, err := newCluster(members, opts.ClusterToken)
	if err != nil {
		return nil, err
	}
	sites, err := openSites(members, opts)
	defer func() {
		// Once the directories are in place nothing of the snapshot is left here, and the next Restore sweeps.
		if cerr := sites.close(); err != nil {
			err = errors.Join(err, cerr)
		}
	}()
	if err != nil {
		return nil, err
	}
	result := &Result{ClusterToken: opts.ClusterToken, ClusterID: cluster.id()}
	for i, m := range members {
		made := Made{Name: m.Name, ID: cluster.memberID(m.Name), DataDir: m.DataDir}
		if s := sites[i]; s != nil {
			made.OldRevision, made.Unread = s.oldRevision, s.unread
		}
		result.Members = append(result.Members, made)
	}
	if err := build(ctx, src, cluster, sites, age, opts, result); err != nil {
		return nil, err
	}
	if err := sites.place(ctx); err != nil {
		return nil, err
	}
	for i, s := range sites {
		if s != nil { // known only now
			result.Members[i].Aside, result.Members[i].WALAside = s.aside, s.walAside
		}
	}
	return result, nil
}

// checkOptions sees to it that what is asked for fits together, and to members that are made by other calls.
func checkOptions(members []Member, age time.Duration, opts Options) error {
	elsewhere := 0
	for _, m := range members {
		if m.DataDir == "" {
			elsewhere++
		}
	}
	raises := opts.Revision == 0 && !opts.WatchesMissEvents
	switch {
	case age < 0 || age > maxAge:
		return fmt.Errorf("the snapshot was taken %v ago: is the clock right?", age)
	case opts.WatchesMissEvents && opts.Revision != 0:
		return errors.New("a revision is asked for, and that it stays as it is: give one of them")
	case opts.LastRevision < 0:
		return fmt.Errorf("the last known revision is given as %d", opts.LastRevision)
	case len(members) == 0:
		return errors.New("no members are given")
	case elsewhere == len(members):
		return errors.New("no member has a data directory to be made")
	case elsewhere > 0 && (opts.ClusterToken == "") != raises:
		return errors.New("members that are made elsewhere must share the cluster token and the revision: give both, or none to the first of them")
	}
	return nil
}
