package restores

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// watchSockets has all proofs of a test put their sockets where it sees whether they are removed.
func watchSockets(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "proof-") // short
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	t.Cleanup(func() {
		left, _ := filepath.Glob(filepath.Join(dir, ".clustersnap*"))
		if len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
		os.RemoveAll(dir)
	})
}

// scratch is for a proof, which must leave nothing there, and no etcd.
func scratch(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		faults.NothingIn(t, dir)
		if n := running(dir); n > 0 {
			t.Errorf("%d etcds still run", n)
		}
	})
	return dir
}

// running counts the processes that have dir in their arguments.
func running(dir string) (n int) {
	list, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range list {
		b, _ := os.ReadFile(path) // of one that has ended meanwhile there is none
		if bytes.Contains(b, []byte(dir)) {
			n++
		}
	}
	return n
}

func prove(ctx context.Context, t *testing.T, path, dir string, opts restore.ProveOptions) (*restore.Proof, error) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return restore.Prove(ctx, dir, f, opts)
}

func TestProof(t *testing.T) {
	watchSockets(t)
	for version, etcd := range etcdbed.Versions() {
		t.Run("etcd "+version, func(t *testing.T) {
			t.Parallel()
			proves(t, etcd.Path(t), etcd, version)
		})
	}
	t.Run("the linked etcd", func(t *testing.T) {
		t.Parallel()
		proves(t, "", peers.Etcd37, "3.7")
	})
}

func proves(t *testing.T, program string, etcd peers.Program, version string) {
	s, dir := takeSource(t, etcd), scratch(t)
	var inCheck map[string]string
	var etcdsInCheck int
	proof, err := prove(t.Context(), t, s.path, dir, restore.ProveOptions{Etcd: program, Check: func(ctx context.Context, client *clientv3.Client) (err error) {
		etcdsInCheck = running(dir)
		inCheck, err = keysIn(ctx, client)
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	sameKeys(t, inCheck, s.live)
	if (etcdsInCheck > 0) != (program != "") {
		t.Errorf("%d etcds ran", etcdsInCheck)
	}
	if !strings.HasPrefix(proof.Version, version+".") || proof.Upgrade != "" {
		t.Errorf("version %s, upgrade %q", proof.Version, proof.Upgrade)
	}
	if proof.Keys != int64(len(s.live)) || proof.Bytes == 0 || len(proof.Keyspace) != 64 {
		t.Errorf("%d keys with %d bytes, and the sum %s, want %d keys", proof.Keys, proof.Bytes, proof.Keyspace, len(s.live))
	}
	if proof.CompactedFrom != proof.SnapshotRevision || proof.Revision != proof.SnapshotRevision+1e9 || proof.SnapshotRevision == 0 {
		t.Errorf("compacted from %d, snapshot's revision %d, new one %d", proof.CompactedFrom, proof.SnapshotRevision, proof.Revision)
	}
	if proof.Joined == "" || proof.Members != nil {
		t.Errorf("%q has joined %v", proof.Joined, proof.Members)
	}
	// An etcd that knows nothing of the proof has that hash.
	c := etcdbed.Plan(t, etcdbed.Options{Etcd: etcd})
	restored(t, s.path, c, restore.Options{Revision: proof.Revision})
	c.Run(t)
	if hash, _ := c.Members[0].HashKV(t, proof.Revision); hash != proof.HashKV {
		t.Errorf("HashKV %d, want %d", proof.HashKV, hash)
	}
}

func TestProofOfAnUpgrade(t *testing.T) {
	watchSockets(t)
	s := takeSource(t, peers.Etcd36)
	proof, err := prove(t.Context(), t, s.path, scratch(t), restore.ProveOptions{Etcd: peers.Etcd37.Path(t)})
	if err != nil {
		t.Fatal(err)
	}
	if proof.Upgrade != "3.6 to 3.7" || proof.Keys != int64(len(s.live)) {
		t.Errorf("upgrade %q with %d keys", proof.Upgrade, proof.Keys)
	}
}

func TestProofWithAuthentication(t *testing.T) {
	watchSockets(t)
	path := takeLocked(t, peers.Etcd37)
	for name, program := range map[string]string{"stock": peers.Etcd37.Path(t), "linked": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proof, err := prove(t.Context(), t, path, scratch(t), restore.ProveOptions{Etcd: program})
			if err != nil {
				t.Fatal(err)
			}
			if !proof.AuthDropped || !proof.Snapshot.Content.Auth || proof.Keys == 0 {
				t.Errorf("dropped %v, in the snapshot %v, %d keys", proof.AuthDropped, proof.Snapshot.Content.Auth, proof.Keys)
			}
		})
	}
}

func TestProofThatFails(t *testing.T) {
	watchSockets(t)
	s := takeSource(t, peers.Etcd37)
	damaged := damage(t, s.path)
	for name, c := range map[string]struct {
		etcd, path string
		want       error // nil: any
		says       string
	}{
		"no etcd":  {etcd: "/bin/true", path: s.path, says: "is it etcd?"},
		"no file":  {etcd: filepath.Join(t.TempDir(), "etcd"), path: s.path, want: os.ErrNotExist, says: "version"},
		"old etcd": {etcd: peers.Etcd36.Path(t), path: s.path, want: restore.ErrVersion, says: "3.6"},
		"damaged":  {etcd: peers.Etcd37.Path(t), path: damaged, want: etcdsnap.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proof, err := prove(t.Context(), t, c.path, scratch(t), restore.ProveOptions{Etcd: c.etcd})
			if err == nil || proof != nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %v that says %q", err, c.want, c.says)
			}
		})
	}
}

// damage flips a bit in the middle of a copy.
func damage(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	return writeFile(t, b)
}

func writeFile(t *testing.T, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "etcd.snap")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestProofIsCancelled(t *testing.T) {
	watchSockets(t)
	s := takeSource(t, peers.Etcd37)
	for name, program := range map[string]string{"stock": peers.Etcd37.Path(t), "linked": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			checked := false
			_, err := prove(ctx, t, s.path, scratch(t), restore.ProveOptions{Etcd: program, Check: func(context.Context, *clientv3.Client) error {
				checked = true
				cancel()
				return nil
			}})
			if !checked || !errors.Is(err, context.Canceled) {
				t.Errorf("checked %v, got %v, want context.Canceled", checked, err)
			}
		})
	}
}
