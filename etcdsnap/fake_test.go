package etcdsnap_test

import (
	"context"
	"net"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	. "github.com/clustersnap/clustersnap/etcdsnap/internal/bolttest"
)

// fake stands in for a member that does what a real one won't do on demand. Saves from real ones are
// tested in internal/e2e.
type fake struct {
	pb.UnimplementedMaintenanceServer
	status   *pb.StatusResponse
	revision int64                                              // that a linearizable read gives
	stream   func(ctx context.Context, send func([]byte)) error // sends messages
	asked    int                                                // for snapshots
}

// kv is apart, since both of the interfaces that a real one implements have methods of their own for what is missing.
type kv struct {
	pb.UnimplementedKVServer
	fake *fake
}

func (f *fake) Status(context.Context, *pb.StatusRequest) (*pb.StatusResponse, error) {
	return f.status, nil
}

func (k *kv) Range(context.Context, *pb.RangeRequest) (*pb.RangeResponse, error) {
	return &pb.RangeResponse{Header: &pb.ResponseHeader{Revision: k.fake.revision}}, nil
}

func (f *fake) Snapshot(_ *pb.SnapshotRequest, to pb.Maintenance_SnapshotServer) error {
	f.asked++
	return f.stream(to.Context(), func(b []byte) {
		to.Send(&pb.SnapshotResponse{Blob: b, Version: "3.6.0"}) // its errors show at the other end
	})
}

// well is a member of cluster def, in good order: it sends snapshot.
func well(id uint64, snapshot []byte) *fake {
	return &fake{
		status: &pb.StatusResponse{
			Header:  &pb.ResponseHeader{MemberId: id, ClusterId: 0xdef},
			Version: "3.6.8", Leader: 1, RaftIndex: 90_000, RaftAppliedIndex: 90_000,
		},
		revision: 16,
		stream: func(_ context.Context, send func([]byte)) error {
			for len(snapshot) > 0 {
				n := min(len(snapshot), 5000)
				send(snapshot[:n])
				snapshot = snapshot[n:]
			}
			return nil
		},
	}
}

// etcd is a Source of members.
type etcd struct {
	endpoints []string
}

func (e etcd) Endpoints() []string { return e.endpoints }

func (e etcd) Dial(endpoint string) (*grpc.ClientConn, error) {
	return grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

// serve has members listen, which the test ends.
func serve(t *testing.T, members ...*fake) etcd {
	t.Helper()
	var e etcd
	for _, f := range members {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := grpc.NewServer()
		pb.RegisterMaintenanceServer(s, f)
		pb.RegisterKVServer(s, &kv{fake: f})
		go s.Serve(l)
		t.Cleanup(s.Stop)
		e.endpoints = append(e.endpoints, l.Addr().String())
	}
	return e
}

// snapshot is one of small.
func snapshot() []byte { return Layout{}.Make(small().buckets()...).Snapshot() }
