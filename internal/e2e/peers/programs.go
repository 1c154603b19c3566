package peers

import (
	"os"
	"path"
	"path/filepath"
	"testing"
)

// Program is one stock program at one version.
type Program int

// The programs. The digits in a name are the minor version, where tests want more than one.
const (
	Etcd37 Program = iota
	EtcdCtl37
	EtcdUtl37
	Age
	AgeKeygen
)

// source is what a program is built from.
type source struct {
	name    string // of the executable
	release string // the folder PRODUCT/VERSION that pins it
	main    string // the import path of its main package
}

var sources = [...]source{
	Etcd37:    {"etcd", "etcd/v3.7.3", "go.etcd.io/etcd/server/v3"},
	EtcdCtl37: {"etcdctl", "etcd/v3.7.3", "go.etcd.io/etcd/etcdctl/v3"},
	EtcdUtl37: {"etcdutl", "etcd/v3.7.3", "go.etcd.io/etcd/etcdutl/v3"},
	Age:       {"age", "age/v1.3.2", "filippo.io/age/cmd/age"},
	AgeKeygen: {"age-keygen", "age/v1.3.2", "filippo.io/age/cmd/age-keygen"},
}

// Path gives the absolute path of the executable and builds it if the cache has no intact one. If it can't be
// built, Path ends the test as failed with what the go command said. Several tests and processes may call it at
// once: one builds, the others wait. The file belongs to the cache: run it, don't change it.
func (p Program) Path(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("find a cache for %v: %v", p, err)
	}
	program, err := sources[p].provide(t.Context(), filepath.Join(cache, "clustersnap", "peers"))
	if err != nil {
		t.Fatalf("provide %v: %v", p, err)
	}
	return program
}

// String gives name and version, as in "etcdutl v3.7.3".
func (p Program) String() string { return sources[p].name + " " + sources[p].version() }

// version is the one that the folder is named after.
func (s source) version() string { return path.Base(s.release) }
