package driver

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
)

// Options say what kind of driver a test wants.
type Options struct {
	Name   string // as in PV.spec.csi.driver; empty is "dir.csi.test"
	Images bool   // volumes are loop-mounted ext4 image files; else they are folders
	Temper
}

// Temper is how a driver answers. It can be changed while the driver runs.
type Temper struct {
	// FailCreate may refuse to make a snapshot, with an error of google.golang.org/grpc/status. Nil refuses none. Of a group it
	// is asked for each volume, by the name of the group.
	FailCreate func(name, volume string) error
	// CreateTime is how long a snapshot or a group takes to be made: its cut is at the end.
	CreateTime time.Duration
	// ReadyAfter is how long after its cut a snapshot is ready to use.
	ReadyAfter time.Duration
	// NoList and NoGroup leave a capability out. The sidecar asks for them when it starts.
	NoList, NoGroup bool
}

// Driver serves CSI.
type Driver struct {
	Name   string
	Socket string // of gRPC, a path of this machine

	csi.UnimplementedIdentityServer
	csi.UnimplementedControllerServer
	csi.UnimplementedNodeServer
	csi.UnimplementedGroupControllerServer

	store store

	mu        sync.Mutex // of what follows, and of the files
	temper    Temper
	volumes   map[string]*volume   // by handle
	snapshots map[string]*snapshot // by handle
	groups    map[string][]string  // handles of snapshots by handle of their group
}

type volume struct {
	size   int64
	source string // what it was filled from
}

// snapshot is a cut of a volume.
type snapshot struct {
	volume string // its handle
	group  string // the handle of its group, if any
	size   int64
	cut    time.Time
}

// Start makes a driver that serves until the end of the test, which also unmounts and removes all of its volumes.
func Start(t testing.TB, opts Options) *Driver {
	t.Helper()
	dir, err := os.MkdirTemp("", "clustersnap-csi-") // t.TempDir may be too long for the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	watch(t, dir)
	d := &Driver{
		Name: opts.Name, Socket: filepath.Join(dir, "csi.sock"), temper: opts.Temper,
		volumes: make(map[string]*volume), snapshots: make(map[string]*snapshot), groups: make(map[string][]string),
	}
	if d.Name == "" {
		d.Name = "dir.csi.test"
	}
	d.store = folders{dir}
	if opts.Images {
		d.store = images{folders{dir}}
	}
	d.serve(t)
	return d
}

// serve begins to serve. What runs at the end of the test is ended then.
func (d *Driver) serve(t testing.TB) {
	listener, err := net.Listen("unix", d.Socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	csi.RegisterIdentityServer(server, d)
	csi.RegisterControllerServer(server, d)
	csi.RegisterNodeServer(server, d)
	csi.RegisterGroupControllerServer(server, d)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-ended; err != nil {
			t.Errorf("serve %s: %v", d.Name, err)
		}
	})
}

// Set changes how the driver answers from now on.
func (d *Driver) Set(temper Temper) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.temper = temper
}

func (d *Driver) now() Temper {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.temper
}

// VolumePath is the folder with the files of a volume, whether there is one of this handle or not.
func (d *Driver) VolumePath(handle string) string { return d.store.volume(handle) }

// SnapshotPath is the copy: a folder, or of a driver with images an image file.
func (d *Driver) SnapshotPath(handle string) string { return d.store.snapshot(handle) }

// Volumes gives the handles of the volumes that there are, sorted.
func (d *Driver) Volumes() []string { return handles(d, d.volumes) }

// Snapshots gives the handles of the physical snapshots that there are, those of groups among them, sorted.
func (d *Driver) Snapshots() []string { return handles(d, d.snapshots) }

func handles[T any](d *Driver, of map[string]T) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]string, 0, len(of))
	for handle := range of {
		all = append(all, handle)
	}
	slices.Sort(all)
	return all
}

// Forget removes a physical snapshot as a storage administrator would, behind the cluster's back.
func (d *Driver) Forget(t testing.TB, handle string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.snapshots[handle] == nil {
		t.Fatalf("driver %s has no snapshot %q", d.Name, handle)
	}
	delete(d.snapshots, handle)
	if err := os.RemoveAll(d.store.snapshot(handle)); err != nil {
		t.Fatal(err)
	}
}

// handle is that of what was asked for by a name: a second call with the name finds it.
func handle(kind, name string) string {
	sum := sha256.Sum256([]byte(kind + "/" + name))
	return hex.EncodeToString(sum[:12])
}
