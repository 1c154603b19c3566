package etcdsnap_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/clustersnap/clustersnap/etcdsnap"
)

func TestSave(t *testing.T) {
	b := snapshot()
	info, err := etcdsnap.Verify(t.Context(), bytes.NewReader(b), etcdsnap.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	src := serve(t, well(0xabc, b))
	var got bytes.Buffer
	var told []int64
	saved, err := etcdsnap.Save(t.Context(), &got, src, etcdsnap.Options{Progress: func(n int64) { told = append(told, n) }})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), b) {
		t.Error("the bytes written are not those sent")
	}
	if !reflect.DeepEqual(saved.Info, info) || saved.MinRevision != 16 || saved.StorageVersion != "3.6.0" || len(saved.Others) != 0 ||
		saved.Member.Endpoint != src.endpoints[0] || saved.Member.ID != "abc" || saved.Member.ClusterID != "def" || saved.Member.Version != "3.6.8" {
		t.Errorf("saved %+v", saved)
	}
	if len(told) == 0 || told[len(told)-1] != int64(len(b)) {
		t.Errorf("progress: %v, want up to %d", told, len(b))
	}
}

// Messages are of any size: one byte, none, and more than a block at once.
func TestSizesOfMessages(t *testing.T) {
	b := snapshot()
	for _, size := range []int{1, 80, 4096, 32 << 10, 1 << 20} {
		f := well(1, nil)
		f.stream = func(_ context.Context, send func([]byte)) error {
			for i := 0; i < len(b); i += size {
				send(b[i:min(len(b), i+size)])
				send(nil)
			}
			return nil
		}
		var got bytes.Buffer
		if _, err := etcdsnap.Save(t.Context(), &got, serve(t, f), etcdsnap.Options{}); err != nil || !bytes.Equal(got.Bytes(), b) {
			t.Errorf("messages of %d bytes: %v", size, err)
		}
	}
}

// damaged gives snapshots that must not pass.
func damaged() map[string][]byte {
	b := snapshot()
	flipped := bytes.Clone(b)
	flipped[len(b)/2] ^= 1
	return map[string][]byte{"flipped": flipped, "without digest": b[:len(b)-32], "cut": b[:len(b)-4096], "empty": {}, "long": append(bytes.Clone(b), 1)}
}

func TestDamagedStreamIsRefused(t *testing.T) {
	for name, b := range damaged() {
		dir := t.TempDir()
		_, err := etcdsnap.SaveFile(t.Context(), filepath.Join(dir, "etcd.snap"), serve(t, well(1, b)), etcdsnap.Options{})
		if !errors.Is(err, etcdsnap.ErrNoMember) || name != "empty" && !errors.Is(err, etcdsnap.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		holds(t, dir)
	}
}

// holds lists a directory.
func holds(t *testing.T, dir string, want ...string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the directory holds %q, want %q", got, want)
	}
}

// Whatever the first member sends, the second one's snapshot is what the file holds.
func TestNextMemberDelivers(t *testing.T) {
	good := snapshot()
	for name, b := range damaged() {
		bad, next := well(2, b), well(3, good)
		src := serve(t, bad, next)
		dir := t.TempDir()
		path := filepath.Join(dir, "etcd.snap")
		saved, err := etcdsnap.SaveFile(t.Context(), path, src, etcdsnap.Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if saved.Member.ID != "3" || len(saved.Others) != 1 || saved.Others[0].ID != "2" || saved.Others[0].Refused == "" || bad.asked != 1 {
			t.Errorf("%s: saved from %+v, others %+v", name, saved.Member, saved.Others)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, good) {
			t.Errorf("%s: the file is not the good snapshot (%v)", name, err)
		}
		holds(t, dir, "etcd.snap")
	}
}

// A writer can't begin anew once it has bytes; before that the next member is tried.
func TestWriterGetsOneMember(t *testing.T) {
	good := snapshot()
	late, next := well(2, damaged()["flipped"]), well(3, good)
	_, err := etcdsnap.Save(t.Context(), io.Discard, serve(t, late, next), etcdsnap.Options{})
	if !errors.Is(err, etcdsnap.ErrCorrupt) || next.asked != 0 || !strings.Contains(err.Error(), "no other member") {
		t.Errorf("after bytes were written: %v, and the next member was asked %d times", err, next.asked)
	}
	early := well(2, nil)
	var got bytes.Buffer
	if _, err := etcdsnap.Save(t.Context(), &got, serve(t, early, next), etcdsnap.Options{}); err != nil || !bytes.Equal(got.Bytes(), good) {
		t.Errorf("before bytes were written: %v", err)
	}
}

func TestSnapshotOlderThanTheCluster(t *testing.T) {
	f := well(1, snapshot())
	f.revision = 17
	if _, err := etcdsnap.Save(t.Context(), io.Discard, serve(t, f), etcdsnap.Options{}); !errors.Is(err, etcdsnap.ErrBehind) || !strings.Contains(err.Error(), "16") {
		t.Errorf("a snapshot at 16 of a cluster at 17: %v", err)
	}
}

func TestStalled(t *testing.T) {
	b := snapshot()
	for name, rest := range map[string]func(ctx context.Context, send func([]byte)){
		"silent": func(ctx context.Context, _ func([]byte)) { <-ctx.Done() },
		// etcd-io/etcd#22125: messages without a byte, as fast as they go.
		"empty messages": func(ctx context.Context, send func([]byte)) {
			for ctx.Err() == nil {
				send(nil)
			}
		},
	} {
		for _, sent := range []int{0, 5000} {
			f := well(1, nil)
			f.stream = func(ctx context.Context, send func([]byte)) error {
				send(b[:sent])
				rest(ctx, send)
				return nil
			}
			_, err := etcdsnap.Save(t.Context(), io.Discard, serve(t, f), etcdsnap.Options{Stall: 100 * time.Millisecond})
			if !errors.Is(err, etcdsnap.ErrStalled) {
				t.Errorf("%s after %d bytes: %v, want ErrStalled", name, sent, err)
			}
		}
	}
}

func TestSaveEndsWithContext(t *testing.T) {
	why := errors.New("the operator pressed ^C")
	ctx, cancel := context.WithCancelCause(t.Context())
	f, next := well(2, nil), well(3, snapshot())
	f.stream = func(ctx context.Context, _ func([]byte)) error {
		cancel(why)
		<-ctx.Done()
		return nil
	}
	if _, err := etcdsnap.Save(ctx, io.Discard, serve(t, f, next), etcdsnap.Options{}); !errors.Is(err, why) || next.asked != 0 {
		t.Errorf("got %v, want the context's cause, and the next member was asked %d times", err, next.asked)
	}
}

// full is a destination that fails.
type full struct{ err error }

func (f full) Write([]byte) (int, error) { return 0, f.err }

func TestDestinationFails(t *testing.T) {
	boom := errors.New("no space left on device")
	next := well(3, snapshot())
	_, err := etcdsnap.Save(t.Context(), full{boom}, serve(t, well(2, snapshot()), next), etcdsnap.Options{})
	if !errors.Is(err, boom) || errors.Is(err, etcdsnap.ErrNoMember) || next.asked != 0 {
		t.Errorf("got %v, want the writer's error alone, and the next member was asked %d times", err, next.asked)
	}
}

func TestSaveFileNeverReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "etcd.snap")
	if err := os.WriteFile(path, []byte("older"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := well(1, snapshot())
	if _, err := etcdsnap.SaveFile(t.Context(), path, serve(t, f), etcdsnap.Options{}); !errors.Is(err, os.ErrExist) || f.asked != 0 {
		t.Errorf("got %v, want fs.ErrExist, and etcd was asked %d times", err, f.asked)
	}
	if b, _ := os.ReadFile(path); string(b) != "older" {
		t.Errorf("the older file is now %q", b)
	}
}

// stuck takes nothing until it is released.
type stuck struct{ released chan struct{} }

func (s stuck) Write(p []byte) (int, error) {
	<-s.released
	return len(p), nil
}

// The stream of a destination that is stuck ends while the destination still is.
func TestSlowDestination(t *testing.T) {
	dst := stuck{make(chan struct{})}
	f := well(1, nil)
	f.stream = func(ctx context.Context, send func([]byte)) error {
		send(snapshot())
		for ctx.Err() == nil {
			send(make([]byte, 32<<10))
		}
		close(dst.released)
		return nil
	}
	if _, err := etcdsnap.Save(t.Context(), dst, serve(t, f), etcdsnap.Options{Stall: time.Second}); !errors.Is(err, etcdsnap.ErrSlow) {
		t.Errorf("got %v, want ErrSlow", err)
	}
}

func TestMembersAreJudged(t *testing.T) {
	b := snapshot()
	edit := func(id uint64, f func(*pb.StatusResponse)) *fake {
		m := well(id, b)
		f(m.status)
		return m
	}
	alarm := func(text string) func(*pb.StatusResponse) {
		return func(s *pb.StatusResponse) { s.Errors = append(s.Errors, text) }
	}
	for name, c := range map[string]struct {
		member *fake
		says   string
	}{
		"learner":         {edit(2, func(s *pb.StatusResponse) { s.IsLearner = true }), "learner"},
		"no leader":       {edit(2, func(s *pb.StatusResponse) { s.Leader = 0 }), "no leader"},
		"corrupt":         {edit(2, alarm("memberID:2 alarm:CORRUPT ")), "CORRUPT"},
		"corrupt, of 3.7": {edit(2, alarm("memberID:2  alarm:CORRUPT")), "CORRUPT"},
		"nobody's":        {edit(2, alarm("alarm:CORRUPT")), "CORRUPT"},
		"behind":          {edit(2, func(s *pb.StatusResponse) { s.RaftIndex, s.RaftAppliedIndex = 90_000, 80_000 }), "10000 raft entries behind"},
	} {
		t.Run(name, func(t *testing.T) {
			saved, err := etcdsnap.Save(t.Context(), io.Discard, serve(t, well(1, b), c.member), etcdsnap.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if saved.Member.ID != "1" || len(saved.Others) != 1 || !strings.Contains(saved.Others[0].Refused, c.says) || c.member.asked != 0 {
				t.Errorf("saved from %+v, others %+v", saved.Member, saved.Others)
			}
			_, err = etcdsnap.Save(t.Context(), io.Discard, serve(t, c.member), etcdsnap.Options{})
			if !errors.Is(err, etcdsnap.ErrNoMember) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("alone: %v", err)
			}
		})
	}
	// What one member says is a word against all: members of 3.5 don't know that they are on the way down.
	for name, c := range map[string]struct {
		member *fake
		says   string
	}{
		"downgrade": {edit(2, func(s *pb.StatusResponse) {
			s.DowngradeInfo = &pb.DowngradeInfo{Enabled: true, TargetVersion: "3.5.0"}
		}), "downgrade to 3.5.0"},
		"two clusters": {edit(2, func(s *pb.StatusResponse) { s.Header.ClusterId = 0xbad }), "one cluster"},
	} {
		good := well(1, b)
		_, err := etcdsnap.Save(t.Context(), io.Discard, serve(t, good, c.member), etcdsnap.Options{})
		if !errors.Is(err, etcdsnap.ErrNoMember) || !strings.Contains(err.Error(), c.says) || good.asked != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What is reported, and does not stop a save.
	full := edit(2, alarm("memberID:2 alarm:NOSPACE "))
	full.status.Errors = append(full.status.Errors, "memberID:9 alarm:CORRUPT ") // another one's
	saved, err := etcdsnap.Save(t.Context(), io.Discard, serve(t, well(1, b), full), etcdsnap.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if a := saved.Member.Alarms; saved.Member.ID != "2" || len(a) != 2 || a[0] != (etcdsnap.Alarm{MemberID: "2", Kind: "NOSPACE"}) {
		t.Errorf("saved from %+v: want the follower, and its alarms", saved.Member)
	}
}

func TestOptionsBelowZero(t *testing.T) {
	for _, opts := range []etcdsnap.Options{{Stall: -1}, {MinRate: -1}} {
		f := well(1, snapshot())
		if _, err := etcdsnap.Save(t.Context(), io.Discard, serve(t, f), opts); err == nil || f.asked != 0 {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}

// A destination that fails ends the stream, however slowly it comes.
func TestFailedDestinationEndsTheStream(t *testing.T) {
	boom := errors.New("no space left on device")
	f, b := well(1, nil), snapshot()
	f.stream = func(ctx context.Context, send func([]byte)) error {
		send(bytes.Repeat(b, 1+(1<<20)/len(b))) // more than a block
		<-ctx.Done()
		return nil
	}
	if _, err := etcdsnap.Save(t.Context(), full{boom}, serve(t, f), etcdsnap.Options{}); !errors.Is(err, boom) {
		t.Errorf("got %v, want the writer's error", err)
	}
}

func TestNoEndpoint(t *testing.T) {
	if _, err := etcdsnap.Save(t.Context(), io.Discard, etcd{}, etcdsnap.Options{}); !errors.Is(err, etcdsnap.ErrNoMember) || !strings.Contains(err.Error(), "no endpoint") {
		t.Errorf("got %v", err)
	}
}
