package ctrlrestores

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/nodebundle"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/pkibundle"
)

// commandRefusals are mistakes of a person with the command: which set and which node it is given, and what it says.
var commandRefusals = []struct {
	name string
	of   func(s *scene) (set, identity, root string)
	says string
}{
	{"snapshot of another cluster", func(s *scene) (set, identity, root string) {
		set, identity = s.otherSet(strangeEtcd(s))
		return set, identity, s.node.Root
	}, "the snapshot is of another cluster: its kube-system has uid another, and that of the running one is "},
	{"CA of another cluster", func(s *scene) (set, identity, root string) {
		set, identity = s.changedSet("cd etc/kubernetes/pki && cp front-proxy-ca.crt ca.crt && cp front-proxy-ca.key ca.key")
		return set, identity, s.node.Root
	}, "/etc/kubernetes/admin.conf is of another CA than /etc/kubernetes/pki/ca.crt"},
	{"encryption key of another cluster", func(s *scene) (set, identity, root string) {
		set, identity = s.changedSet("sed -i 's#secret: .....#secret: AAAAA#' " + bed.EncryptionConfig)
		return set, identity, s.node.Root
	}, "the files of the backup do not belong to its snapshot: "},
	{"disk too small", func(s *scene) (set, identity, root string) {
		root = s.TempDir()
		must(s, syscall.Mount("tmpfs", root, "tmpfs", 0, "size=32m,mode=0700"))
		s.Cleanup(func() { must(s, syscall.Unmount(root, 0)) })
		return s.set, s.Identity, s.copied(root)
	}, " are free and "},
	{"etcd too old", func(s *scene) (set, identity, root string) {
		root = s.copied(s.TempDir())
		s.shell(`sed -i 's#\(image: .*/etcd:\).*#\13.5.24-0#' ` + filepath.Join(root, "etc/kubernetes/manifests/etcd.yaml"))
		return s.set, s.Identity, root
	}, "which 3.5 can't read"},
}

// keptBackByCommand is what the command refuses before anything has stopped.
func (s *scene) keptBackByCommand() {
	was, running := files(s, "etc/kubernetes"), s.etcdPID()
	for _, c := range commandRefusals {
		s.Run(c.name, func(t *testing.T) {
			s := s.on(t)
			set, identity, root := c.of(s)
			o := command.RunOn(s, s.node, "restore", set, "--identity", identity, "--root", root, "--kubelet", "", "--yes")
			command.Bad(s, o, 1, c.says, "the restore is refused")
			if strings.Contains(o.Stdout, "fence") {
				s.Errorf("it has gone further than that:\n%s", o.Stdout)
			}
			command.Bad(s, command.RunOn(s, s.node, "restore", "undo", "--root", root, "--kubelet", ""), 1, "no restore of this node")
		})
	}
	if left := s.left(); len(left) > 0 {
		s.Errorf("left are %q", left)
	}
	s.same(was, files(s, "etc/kubernetes"))
	if now := s.etcdPID(); now != running {
		s.Errorf("etcd had pid %d and has %d", running, now)
	}
	s.isOld()
}

func (s *scene) etcdPID() int {
	state, _ := s.node.Pods.State("etcd")
	return state.PID
}

// copied copies what the node has in /etc/kubernetes below another root.
func (s *scene) copied(root string) string {
	s.Helper()
	s.shell(fmt.Sprintf("mkdir -p %[2]s/etc %[2]s/var/lib && cp -a %[1]s/etc/kubernetes %[2]s/etc/", s.node.Root, root))
	return root
}

func (s *scene) shell(line string) {
	s.Helper()
	if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
		s.Fatalf("%s: %v\n%s", line, err, out)
	}
}

// strangeEtcd is one that has another kube-system.
func strangeEtcd(s *scene) *clientv3.Client {
	s.Helper()
	other := etcdbed.Start(s, etcdbed.Options{}).Client(s)
	_, err := other.Put(s.ctx, "/registry/namespaces/kube-system",
		`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"kube-system","uid":"another"}}`)
	must(s, err)
	return other
}

// changedSet is that of the node with other files.
func (s *scene) changedSet(line string) (set, identity string) {
	s.Helper()
	root := s.copied(s.TempDir())
	s.shell("cd " + root + " && " + line)
	recipient, identity := command.KeyPair(s)
	set = filepath.Join(s.TempDir(), "set")
	o := command.RunOn(s, s.node, "backup", "--etcd-only", "--root", root, "--to", set, "--recipient", recipient)
	if !strings.Contains(o.Stderr, "degraded: the files of the backup do not belong to its snapshot") { // as the backup sees, too
		command.Good(s, o)
	}
	return set, identity
}

// otherSet is the set of the node with the snapshot of another etcd.
func (s *scene) otherSet(other *clientv3.Client) (set, identity string) {
	s.Helper()
	recipient, identity := command.KeyPair(s)
	recipients, err := age.ParseRecipients(strings.NewReader(recipient))
	must(s, err)
	set = filepath.Join(s.TempDir(), "set")
	f, err := os.Create(set)
	must(s, err)
	defer f.Close()
	sealed, err := age.Encrypt(f, recipients...)
	must(s, err)
	w := clustersnap.NewWriter(sealed, time.Now())
	node, err := kubeadm.Read(kubeadm.NodeFS(s.node.Root), kubeadm.Options{})
	must(s, err)
	must(s, w.Add("node.json", nil, func(w io.Writer) error { return json.NewEncoder(w).Encode(node) }))
	var saved *etcdsnap.Saved
	must(s, w.Add("etcd.snap.zst", &saved, clustersnap.Compressed(func(w io.Writer) (err error) {
		saved, err = etcdsnap.Save(s.ctx, w, other, etcdsnap.Options{})
		return err
	})))
	var about struct {
		Digest string `json:"digest"`
	}
	must(s, w.Add("pki.tar.age", &about, func(w io.Writer) error {
		manifest, err := pkibundle.Seal(w, nodebundle.Collect(s, s.node.Root), recipients, time.Now(), pkibundle.SealOptions{})
		about.Digest = manifest.Digest()
		return err
	}))
	must(s, errors.Join(w.Close(), sealed.Close()))
	return set, identity
}
