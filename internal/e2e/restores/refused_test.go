package restores

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// member is one that is made below parent, and never started.
func member(parent string) restore.Member {
	return restore.Member{Name: "m1", PeerURLs: []string{"https://10.0.0.1:2380"}, DataDir: filepath.Join(parent, "m1")}
}

func TestBadInputIsRefused(t *testing.T) {
	s := takeSource(t, peers.Etcd37)
	good, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	db := good[:len(good)-digestSize]
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 1
	damaged := bytes.Clone(db) // the magic number of both meta pages
	damaged[16] ^= 1
	damaged[4096+16] ^= 1
	for name, c := range map[string]struct {
		b        []byte
		noDigest bool
	}{
		"flipped bit":                   {b: flipped},
		"damaged without digest":        {b: damaged, noDigest: true},
		"flipped bit in the digest":     {b: append(bytes.Clone(good[:len(good)-1]), good[len(good)-1]^1)},
		"one byte is missing":           {b: good[:len(good)-1]},
		"half":                          {b: good[:len(good)/2]},
		"half without digest":           {b: db[:len(db)/2], noDigest: true},
		"copy of a database":            {b: db},
		"empty":                         {b: nil},
		"empty without digest":          {b: nil, noDigest: true},
		"tar":                           {b: archive(t, good)},
		"tar without digest":            {b: archive(t, good), noDigest: true},
		"foreign database":              {b: withDigest(foreign(t))},
		"foreign database no digest":    {b: foreign(t), noDigest: true},
		"something behind the snapshot": {b: append(bytes.Clone(good), make([]byte, 512)...)},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			result, err := restoreFile(t, writeFile(t, c.b), []restore.Member{member(parent)}, restore.Options{NoDigest: c.noDigest})
			if result != nil || !errors.Is(err, etcdsnap.ErrCorrupt) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("got %+v and %v, want ErrCorrupt", result, err)
			}
			faults.NothingIn(t, parent)
		})
	}
}

// archive is a tar, as backups are, with b in it.
func archive(t *testing.T, b []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	if err := w.WriteHeader(&tar.Header{Name: "etcd.snap", Mode: 0o600, Size: int64(len(b))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// foreign is a sound database of another program.
func foreign(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("containers"))
		if err == nil {
			err = b.Put([]byte("a"), []byte("b"))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func withDigest(b []byte) []byte {
	sum := sha256.Sum256(b)
	return append(bytes.Clone(b), sum[:]...)
}

// The file of a stopped member is good, if it is said to be one.
func TestCopyOfADatabase(t *testing.T) {
	old := etcdbed.Start(t, etcdbed.Options{})
	fill(t, old)
	want := live(t, old.Client(t))
	old.Members[0].Stop(t) // commits
	c := etcdbed.Plan(t, etcdbed.Options{})
	result := restored(t, old.Members[0].DB(), c, restore.Options{NoDigest: true})
	if result.Snapshot.SHA256 != "" {
		t.Errorf("a digest is reported: %s", result.Snapshot.SHA256)
	}
	c.Run(t)
	isWhatWasRestored(t, c, "3.7", result, want)
}

func TestBadMembersAreRefused(t *testing.T) {
	s := takeSource(t, peers.Etcd37)
	if _, err := restoreFile(t, s.path, nil, restore.Options{}); err == nil || !strings.Contains(err.Error(), "no member") {
		t.Errorf("without members: %v", err)
	}
	for name, c := range map[string]struct {
		edit func(a, b *restore.Member)
		says string
	}{
		"one name":                {func(a, b *restore.Member) { b.Name = a.Name }, "the name"},
		"one peer URL":            {func(a, b *restore.Member) { b.PeerURLs = a.PeerURLs }, "same peer URL"},
		"one of two peer URLs":    {func(a, b *restore.Member) { b.PeerURLs = append(b.PeerURLs, a.PeerURLs...) }, "same peer URL"},
		"one directory":           {func(a, b *restore.Member) { b.DataDir = a.DataDir }, "share the directory"},
		"one directory by dots":   {func(a, b *restore.Member) { b.DataDir = a.DataDir + "/../m1/" }, "share the directory"},
		"a log in a data dir":     {func(a, b *restore.Member) { b.WALDir = a.DataDir }, "share the directory"},
		"one directory for logs":  {func(a, b *restore.Member) { a.WALDir, b.WALDir = a.DataDir+"-wal", a.DataDir+"-wal" }, "share the directory"},
		"no directory":            {func(a, b *restore.Member) { a.DataDir, b.DataDir = "", "" }, "no member has a data directory"},
		"no name":                 {func(a, b *restore.Member) { b.Name = "" }, "both are needed"},
		"no peer URL":             {func(a, b *restore.Member) { b.PeerURLs = nil }, "both are needed"},
		"peer URL without a port": {func(a, b *restore.Member) { b.PeerURLs = []string{"https://10.0.0.2"} }, "10.0.0.2"},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			m := []restore.Member{member(parent), {Name: "m2", PeerURLs: []string{"https://10.0.0.2:2380"}, DataDir: filepath.Join(parent, "m2")}}
			c.edit(&m[0], &m[1])
			_, err := restoreFile(t, s.path, m, restore.Options{})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
			faults.NothingIn(t, parent)
		})
	}
}

// Two names of one directory are one directory.
func TestLinkToTheOthersDirectory(t *testing.T) {
	s := takeSource(t, peers.Etcd37)
	parent := t.TempDir()
	m := []restore.Member{member(parent), {Name: "m2", PeerURLs: []string{"https://10.0.0.2:2380"}, DataDir: filepath.Join(parent, "link")}}
	if err := os.Mkdir(m[0].DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("m1", m[1].DataDir); err != nil {
		t.Fatal(err)
	}
	// It is not another restore that this one would have to wait for.
	if _, err := restoreFile(t, s.path, m, restore.Options{}); err == nil || !strings.Contains(err.Error(), "share the directory") {
		t.Errorf("got %v", err)
	}
	faults.NothingIn(t, m[0].DataDir)
}

func TestVersionsAreRefused(t *testing.T) {
	sources := map[string]source{"3.5": takeSource(t, peers.Etcd35), "3.6": takeSource(t, peers.Etcd36), "3.7": takeSource(t, peers.Etcd37)}
	for name, c := range map[string]struct {
		from, etcd string
		version    bool // ErrVersion
		says       string
	}{
		"older etcd":        {"3.6", "3.5.1", true, "etcdutl migrate"},
		"much older etcd":   {"3.7", "3.5.1", true, "etcdutl migrate"},
		"older, as a tag":   {"3.7", "v3.6.2", true, "--target-version 3.6"},
		"two upgrades":      {"3.5", "3.7", true, "start etcd 3.6 from it first"},
		"another major":     {"3.7", "4.0.0", true, "4.0"},
		"no version":        {"3.6", "latest", false, "latest"},
		"half a version":    {"3.6", "3", false, `"3"`},
		"version of 3.70":   {"3.7", "3.70", true, "3.70"},
		"version and words": {"3.7", "3.7 or so", false, "3.7 or so"},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			_, err := restoreFile(t, sources[c.from].path, []restore.Member{member(parent)}, restore.Options{Etcd: c.etcd})
			if err == nil || errors.Is(err, restore.ErrVersion) != c.version || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q, ErrVersion %v", err, c.says, c.version)
			}
			faults.NothingIn(t, parent)
		})
	}
}
