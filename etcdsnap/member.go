package etcdsnap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var (
	// ErrNoMember says that no endpoint leads to a member which a snapshot should be taken from: it
	// says of each what is wrong with it.
	ErrNoMember = errors.New("no member to save from")
	// ErrDenied says that etcd has authentication on, and the client is not of a user with the root role, which
	// alone may take snapshots (etcd-io/etcd#9554).
	ErrDenied = errors.New("etcd has authentication on, and wants a user with the root role")
)

const (
	// probeTimeout bounds each question to a member, which is nearby.
	probeTimeout = 5 * time.Second
	// maxLag is the gap between what is committed and what a member has applied at which etcd itself
	// refuses requests (maxGapBetweenApplyAndCommitIndex in server/etcdserver/v3_server.go).
	maxLag = 5000
)

// Member is what an endpoint said of itself, and why no snapshot was taken from it if that is so.
type Member struct {
	Endpoint string `json:"endpoint"`
	// ID and ClusterID are etcd's, in hexadecimal as etcdctl prints them.
	ID        string `json:"id,omitempty"`
	ClusterID string `json:"clusterID,omitempty"`
	// Version is the server's, such as "3.6.8".
	Version string `json:"version,omitempty"`
	Leader  bool   `json:"leader,omitempty"`
	// Lag is how many raft entries it has yet to apply, of those that any of the members knows as committed.
	Lag uint64 `json:"lag,omitempty"`
	// Alarms are those of the cluster, as this member knows them.
	Alarms []Alarm `json:"alarms,omitempty"`
	// Refused says why it was passed over, or failed.
	Refused string `json:"refused,omitempty"`

	conn    *grpc.ClientConn
	learner bool
	applied uint64
	commit  uint64
	leader  uint64
	target  string // of a downgrade under way
}

// ask asks all endpoints about themselves, at once. Their order stays. The caller closes their connections.
func ask(ctx context.Context, src Source) []*Member {
	var members []*Member
	var wait sync.WaitGroup
	for _, endpoint := range src.Endpoints() {
		m := &Member{Endpoint: endpoint}
		members = append(members, m)
		wait.Go(func() {
			if err := m.ask(ctx, src); err != nil {
				m.Refused = because(err)
			}
		})
	}
	wait.Wait()
	judge(members)
	return members
}

func (m *Member) ask(ctx context.Context, src Source) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, probeTimeout, fmt.Errorf("no answer in %v", probeTimeout))
	defer cancel()
	if m.conn, err = src.Dial(m.Endpoint); err != nil {
		return err
	}
	s, err := etcdserverpb.NewMaintenanceClient(m.conn).Status(ctx, &etcdserverpb.StatusRequest{})
	if err != nil {
		return causeOr(ctx, err)
	}
	m.ID, m.ClusterID = fmt.Sprintf("%x", s.GetHeader().GetMemberId()), fmt.Sprintf("%x", s.GetHeader().GetClusterId())
	m.Version, m.learner = s.GetVersion(), s.GetIsLearner()
	m.leader, m.Leader = s.GetLeader(), s.GetLeader() == s.GetHeader().GetMemberId()
	m.applied, m.commit = s.GetRaftAppliedIndex(), s.GetRaftIndex()
	if d := s.GetDowngradeInfo(); d.GetEnabled() {
		m.target = d.GetTargetVersion()
	}
	for _, e := range s.GetErrors() {
		if a, ok := alarmOf(e); ok {
			m.Alarms = append(m.Alarms, a)
		}
	}
	return nil
}

// alarmOf reads an alarm as Status gives it among its errors: the text form of an etcdserverpb.AlarmMember. (The call
// that is meant for it would go through the raft log.)
func alarmOf(text string) (a Alarm, ok bool) {
	for _, field := range strings.Fields(text) {
		name, value, _ := strings.Cut(field, ":")
		switch name {
		case "memberID":
			var id uint64
			fmt.Sscan(value, &id)
			a.MemberID = fmt.Sprintf("%x", id)
		case "alarm":
			a.Kind = value
		}
	}
	return a, a.Kind != ""
}

func (m *Member) close() {
	if m.conn != nil {
		m.conn.Close()
	}
}

// judge refuses what no snapshot should come from.
func judge(members []*Member) {
	var newest uint64
	target := ""
	clusters := map[string]bool{}
	for _, m := range members {
		newest = max(newest, m.commit)
		target = cmp.Or(target, m.target)
		if m.ClusterID != "" {
			clusters[m.ClusterID] = true
		}
	}
	for _, m := range members {
		if m.Refused != "" {
			continue
		}
		m.Lag = newest - min(newest, m.applied)
		switch {
		case len(clusters) > 1:
			m.Refused = fmt.Sprintf("it is of cluster %s, and others are not: give the endpoints of one cluster", m.ClusterID)
		case m.learner:
			m.Refused = "it is a learner, which may lack data"
		case m.leader == 0:
			m.Refused = "it has no leader: it is cut off, or the cluster has lost its quorum"
		case slices.ContainsFunc(m.Alarms, m.corrupt):
			m.Refused = "it has the alarm CORRUPT"
		case target != "":
			m.Refused = fmt.Sprintf("a downgrade to %s is under way: finish or cancel it first", target)
		case m.Lag > maxLag:
			m.Refused = fmt.Sprintf("it is %d raft entries behind", m.Lag)
		}
	}
}

// corrupt reports whether an alarm says that this member's data are not those of the others, or does not say whose.
func (m *Member) corrupt(a Alarm) bool {
	return a.Kind == corrupt && (a.MemberID == m.ID || a.MemberID == "0" || a.MemberID == "")
}

// candidates are the members that may serve, the best first: the local one, then followers, then the leader.
func candidates(members []*Member, local func(*Member) bool) []*Member {
	good := slices.DeleteFunc(slices.Clone(members), func(m *Member) bool { return m.Refused != "" })
	rank := func(m *Member) int {
		switch {
		case local(m):
			return 0
		case !m.Leader:
			return 1
		default:
			return 2
		}
	}
	slices.SortStableFunc(good, func(a, b *Member) int { return cmp.Compare(rank(a), rank(b)) })
	return good
}

// readRevision makes a linearizable read of the member itself: when it has answered, its own data have at least the
// revision that it gives, which is the cluster's.
func (m *Member) readRevision(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, probeTimeout, fmt.Errorf("no linearizable read in %v: the cluster may have lost its quorum", probeTimeout))
	defer cancel()
	r, err := etcdserverpb.NewKVClient(m.conn).Range(ctx, &etcdserverpb.RangeRequest{Key: []byte{0}, CountOnly: true})
	if err != nil {
		return 0, causeOr(ctx, err)
	}
	return r.GetHeader().GetRevision(), nil
}

// because says in few words what went wrong with a call.
func because(err error) string {
	text := err.Error()
	if s, ok := status.FromError(err); ok {
		text = s.Message()
	}
	// grpc's own words around the reason
	for _, before := range []string{"connection error: desc = ", "transport: ", "Error while dialing: "} {
		text = strings.TrimPrefix(strings.Trim(text, `"`), before)
	}
	return text
}

// isDenied reports whether etcd refused for want of rights: without a user, or with one that lacks the role
// (api/v3rpc/rpctypes/error.go).
func isDenied(err error) bool {
	s, ok := status.FromError(err)
	return ok && (s.Code() == codes.PermissionDenied || s.Code() == codes.InvalidArgument && strings.Contains(s.Message(), "user name is empty"))
}

// causeOr prefers why ctx ended to the error in which its end shows.
func causeOr(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
