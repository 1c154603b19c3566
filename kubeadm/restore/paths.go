package restore

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// Where a restore has its things, all of them beside what they are to replace, so that a rename is enough:
//
//	/var/lib/.etcd.restore/ID.journal      the journal; the data directory may be a mount point, this is beside it
//	/var/lib/.etcd.restore/ID.d/           for the source: the node's files as it gives them, while they are staged
//	/var/lib/etcd/.restore-ID/new/member   the new member, until it is in its place
//	/var/lib/etcd/.restore-ID/old/member   the old one, from then on
//	/etc/kubernetes/.restore-ID/           the manifests while their programs may not run
//	/etc/kubernetes/pki/.ca.crt.new-ID     a file of the node's, until it is in its place
//	/etc/kubernetes/pki/.ca.crt.old-ID     the old one, from then on
//
// Kubelets leave alone what begins with a dot.

// own is the name of the directories of this restore.
func (p *Plan) own() string { return ownPrefix + p.ID }

const ownPrefix = ".restore-"

// manifestDir and hold are relative to the node's root.
func (p *Plan) manifestDir() string { return path.Dir(p.pods()[0].manifest) }

func (p *Plan) hold() string { return path.Join(path.Dir(p.manifestDir()), p.own()) }

// stopping are the pods in the order in which they stop: kube-apiserver, controllers and scheduler, and etcd last.
func (p *Plan) stopping() []pod {
	all := p.pods()
	return append(slices.Clone(all[1:]), all[0])
}

func peerURLs(e *kubeadm.Etcd) string {
	var list []string
	for _, u := range e.PeerURLs {
		list = append(list, u.Value)
	}
	return strings.Join(list, ",")
}

// stateDir is where the journals for a data directory are, whose parent need not be there yet.
func stateDir(root, dataDir string) string {
	return filepath.Join(root, path.Dir(dataDir), "."+path.Base(dataDir)+".restore")
}

// places are the paths of one restore on this machine.
type places struct {
	root  string
	state string // the directory of the journal
	data  string // etcd's data directory
	own   string // this restore's in that
	hold  string // the manifests' while their programs may not run
	dir   string // the manifests' while they may

	brought string // the source's, in state
}

func (p *Plan) places(root string) places {
	dataDir := path.Clean(p.Node.Etcd.DataDir.Value)
	at := places{
		root:  root,
		state: stateDir(root, dataDir),
		data:  filepath.Join(root, dataDir),
		hold:  filepath.Join(root, p.hold()),
		dir:   filepath.Join(root, p.manifestDir()),
	}
	at.brought = filepath.Join(at.state, p.ID+".d")
	at.own = filepath.Join(at.data, p.own())
	return at
}

func (at places) newMember() string { return filepath.Join(at.own, "new", "member") }
func (at places) oldMember() string { return filepath.Join(at.own, "old", "member") }
func (at places) member() string    { return filepath.Join(at.data, "member") }
func (at places) database() string  { return filepath.Join(at.member(), "snap", "db") }

// inRoot refuses directories that lie outside of the node's root because of a link.
func (at places) inRoot(dirs ...string) error {
	root, err := filepath.EvalSymlinks(at.root)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		real, err := filepath.EvalSymlinks(nearest(dir))
		if err != nil {
			return err
		}
		if within, err := filepath.Rel(root, real); err != nil || !filepath.IsLocal(within) {
			return fmt.Errorf("%s leads out of the node's root, to %s: run this on the node itself", dir, real)
		}
	}
	return nil
}

// usable sees that what is written to is below the root, and that the manifests can be renamed to where they are held.
func (at places) usable() error {
	if err := at.inRoot(at.data, at.state, at.dir, filepath.Dir(at.hold)); err != nil {
		return err
	}
	same, err := sameDevice(nearest(at.dir), nearest(filepath.Dir(at.hold)))
	if err == nil && !same {
		err = fmt.Errorf("%s is a file system of its own, so that a manifest cannot be renamed out of it: unmount that", at.dir)
	}
	return err
}

func sameDevice(a, b string) (bool, error) {
	var ids [2]uint64
	for i, path := range []string{a, b} {
		info, err := os.Stat(path)
		if err != nil {
			return false, err
		}
		if ids[i], err = device(info); err != nil {
			return false, err
		}
	}
	return ids[0] == ids[1], nil
}

// nearest is the directory itself, or the first one above that is there.
func nearest(dir string) string {
	for {
		if exists(dir) || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
