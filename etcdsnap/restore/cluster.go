package restore

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/client/pkg/v3/types"
	"go.etcd.io/etcd/server/v3/etcdserver"
	"go.etcd.io/etcd/server/v3/etcdserver/api/membership"
	"go.etcd.io/etcd/server/v3/etcdserver/api/snap"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
	"go.etcd.io/raft/v3/raftpb"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"
)

// cluster is the new one: its members are all that its log tells.
type cluster struct {
	*membership.RaftCluster
	ids []types.ID // in ascending order
}

// term is that of all entries of the new log.
const term = 1

func newCluster(members []Member, token string) (*cluster, error) {
	urls := types.URLsMap{}
	seen := map[string]string{}
	for _, m := range members {
		if m.Name == "" || len(m.PeerURLs) == 0 {
			return nil, fmt.Errorf("member %q with peer URLs %q: both are needed", m.Name, m.PeerURLs)
		}
		if urls[m.Name] != nil {
			return nil, fmt.Errorf("two members have the name %q", m.Name)
		}
		list, err := types.NewURLs(m.PeerURLs)
		if err != nil {
			return nil, fmt.Errorf("peer URLs of member %q: %w", m.Name, err)
		}
		for _, u := range list.StringSlice() {
			if other, ok := seen[u]; ok {
				return nil, fmt.Errorf("members %q and %q have the same peer URL %s", other, m.Name, u)
			}
			seen[u] = m.Name
		}
		urls[m.Name] = list
	}
	c, err := membership.NewClusterFromURLsMap(zap.NewNop(), token, urls)
	if err != nil {
		return nil, err
	}
	return &cluster{c, c.MemberIDs()}, nil
}

func (c *cluster) id() string                  { return fmt.Sprintf("%x", uint64(c.ID())) }
func (c *cluster) memberID(name string) string { return fmt.Sprintf("%x", uint64(c.member(name).ID)) }
func (c *cluster) member(name string) *membership.Member {
	i := slices.IndexFunc(c.Members(), func(m *membership.Member) bool { return m.Name == name })
	return c.Members()[i]
}

// commit is the index of the last entry in the log: each adds a member.
func (c *cluster) commit() uint64 { return uint64(len(c.ids)) }

func (c *cluster) confState() *raftpb.ConfState {
	state := &raftpb.ConfState{}
	for _, id := range c.ids {
		state.Voters = append(state.Voters, uint64(id))
	}
	return state
}

// writeSnap writes the members as raft's snapshot, which is the same for all of them: etcd before 3.7 reads it, and in 3.7 a
// member that is added later gets all data only because the log begins with a snapshot (etcd-io/etcd#6361).
func (c *cluster) writeSnap(dir string) error {
	index := c.commit()
	err := snap.New(zap.NewNop(), dir).SaveSnap(&raftpb.Snapshot{
		Data:     etcdserver.GetMembershipInfoInV2Format(zap.NewNop(), c.RaftCluster),
		Metadata: &raftpb.SnapshotMetadata{Index: &index, Term: proto.Uint64(term), ConfState: c.confState()},
	})
	if err != nil {
		return err
	}
	// etcd leaves their mode to the umask.
	list, err := filepath.Glob(filepath.Join(dir, "*.snap"))
	for _, path := range list {
		err = errors.Join(err, os.Chmod(path, 0o600))
	}
	return err
}

// writeLog writes the log of one member to dir, which is made: that it is in the cluster, and that its snapshot is up to there.
func (c *cluster) writeLog(lg *zap.Logger, dir, name string) (err error) {
	metadata, err := proto.Marshal(&etcdserverpb.Metadata{
		NodeID:    proto.Uint64(uint64(c.member(name).ID)),
		ClusterID: proto.Uint64(uint64(c.ID())),
	})
	if err != nil {
		return err
	}
	log, err := wal.Create(lg, dir, metadata)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	entries, err := c.entries()
	if err != nil {
		return err
	}
	index := c.commit()
	state := &raftpb.HardState{Term: proto.Uint64(term), Vote: proto.Uint64(uint64(c.ids[0])), Commit: &index}
	if err := log.Save(state, entries); err != nil {
		return err
	}
	return log.SaveSnapshot(&walpb.Snapshot{Index: &index, Term: proto.Uint64(term), ConfState: c.confState()})
}

func (c *cluster) entries() ([]*raftpb.Entry, error) {
	var list []*raftpb.Entry
	for i, id := range c.ids {
		member, err := json.Marshal(c.Member(id))
		if err != nil {
			return nil, err
		}
		data, err := proto.Marshal(&raftpb.ConfChange{
			Type: raftpb.ConfChangeAddNode.Enum(), NodeId: proto.Uint64(uint64(id)), Context: member,
		})
		if err != nil {
			return nil, err
		}
		list = append(list, &raftpb.Entry{
			Type: raftpb.EntryConfChange.Enum(), Term: proto.Uint64(term), Index: proto.Uint64(uint64(i + 1)), Data: data,
		})
	}
	return list, nil
}
