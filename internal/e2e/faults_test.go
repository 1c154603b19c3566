package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/examples/demonode"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
)

// backedUp makes a node and a good backup of it in a directory of its own.
func backedUp(t *testing.T) (node *demonode.Node, set, recipient, key string) {
	t.Helper()
	node = startNode(t)
	recipient, key = command.KeyPair(t)
	set = filepath.Join(t.TempDir(), "set")
	command.Good(t, command.Run(t, "", "backup", "--etcd-only", "--root", node.Root, "--to", set, "--recipient", recipient))
	return node, set, recipient, key
}

func TestIdentity(t *testing.T) {
	_, set, _, key := backedUp(t)
	secret, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	_, otherKey := command.KeyPair(t)
	noKey := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(noKey, []byte("# nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command.Good(t, command.Run(t, "", "verify", set, "--identity", key))
	command.Good(t, command.Run(t, string(secret), "verify", set, "--identity", "-"))
	outside := command.Run(t, "", "verify", set)
	command.Bad(t, outside, 1, "contents not checked", "--identity")
	if !strings.Contains(outside.Stdout, "1 recipient") || !strings.Contains(outside.Stdout, "mlkem768x25519") {
		t.Errorf("the outside does not show the recipients: %s", outside.Stdout)
	}
	command.Bad(t, command.Run(t, "", "verify", set, "--identity", otherKey), 1, "identity does not fit")
	command.Bad(t, command.Run(t, "", "verify", set, "--identity", "/does/not/exist"), 2, "/does/not/exist")
	command.Bad(t, command.Run(t, "", "verify", set, "--identity", noKey), 1, noKey)
	command.Bad(t, command.Run(t, "AGE-SECRET-KEY-1NONSENSE", "verify", set, "--identity", "-"), 1, "no age secret key")

	dir := filepath.Join(t.TempDir(), "etcd")
	command.Bad(t, command.Run(t, "", "etcd", "restore", set, "--data-dir", dir, "--identity", otherKey), 1, "identity does not fit")
	command.Bad(t, command.Run(t, "", "etcd", "restore", set, "--data-dir", dir), 2, "--identity")
	empty(t, filepath.Dir(dir))
}

func TestDamagedSet(t *testing.T) {
	_, set, _, key := backedUp(t)
	whole, err := os.ReadFile(set)
	if err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(t.TempDir(), "damaged")
	for name, b := range map[string][]byte{
		"empty":  nil,
		"header": whole[:100],
		"cut":    whole[:len(whole)-1],
		"longer": append(whole[:len(whole):len(whole)], 0),
		"text":   []byte("this is not a backup\n"),
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(damaged, b, 0o600); err != nil {
				t.Fatal(err)
			}
			command.Bad(t, command.Run(t, "", "verify", damaged, "--identity", key), 1, damaged)
			parent := t.TempDir()
			command.Bad(t, command.Run(t, "", "etcd", "restore", damaged, "--identity", key, "--data-dir", filepath.Join(parent, "etcd")), 1, damaged)
			empty(t, parent)
		})
	}
	for at := 0; at < len(whole); at += len(whole) / 40 {
		flipped := append([]byte(nil), whole...)
		flipped[at] ^= 1
		if err := os.WriteFile(damaged, flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		command.Bad(t, command.Run(t, "", "verify", damaged, "--identity", key), 1)
	}
}

func TestBackupFails(t *testing.T) {
	recipient, _ := command.KeyPair(t)
	node := startNode(t)
	pki := filepath.Join(node.Root, "etc/kubernetes/pki")
	// fails runs a backup that must fail and leave nothing.
	fails := func(t *testing.T, root string, says ...string) {
		t.Helper()
		dir := t.TempDir()
		command.Bad(t, command.Run(t, "", "backup", "--etcd-only", "--root", root, "--to", filepath.Join(dir, "set"), "--recipient", recipient), 1, says...)
		empty(t, dir)
	}
	moved := func(t *testing.T, path string, with func()) {
		t.Helper()
		aside := filepath.Join(t.TempDir(), "aside")
		if err := os.Rename(path, aside); err != nil {
			t.Fatal(err)
		}
		with()
		os.RemoveAll(path)
		if err := os.Rename(aside, path); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("no node", func(t *testing.T) { fails(t, t.TempDir(), "etc/kubernetes/manifests") })
	t.Run("PKI is gone", func(t *testing.T) {
		moved(t, pki, func() { fails(t, node.Root, "etc/kubernetes/pki") })
	})
	t.Run("PKI is a file", func(t *testing.T) {
		moved(t, pki, func() {
			if err := os.WriteFile(pki, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			fails(t, node.Root, "etc/kubernetes/pki")
		})
	})
	t.Run("certificate of another CA", func(t *testing.T) {
		other := startNode(t)
		ca := filepath.Join(pki, "etcd/ca.crt")
		moved(t, ca, func() {
			b, err := os.ReadFile(filepath.Join(other.Root, "etc/kubernetes/pki/etcd/ca.crt"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(ca, b, 0o644); err != nil {
				t.Fatal(err)
			}
			fails(t, node.Root, "etc/kubernetes/pki/etcd/healthcheck-client.crt", "the CA has not signed the certificate")
		})
	})
	t.Run("no directory for it", func(t *testing.T) {
		to := filepath.Join(t.TempDir(), "missing", "set")
		command.Bad(t, command.Run(t, "", "backup", "--etcd-only", "--root", node.Root, "--to", to, "--recipient", recipient), 1, to)
	})
	t.Run("there already", func(t *testing.T) {
		to := filepath.Join(t.TempDir(), "set")
		if err := os.WriteFile(to, []byte("older"), 0o600); err != nil {
			t.Fatal(err)
		}
		command.Bad(t, command.Run(t, "", "backup", "--etcd-only", "--root", node.Root, "--to", to, "--recipient", recipient), 1, to, "exist")
		if b, _ := os.ReadFile(to); string(b) != "older" {
			t.Errorf("the older backup is now %q", b)
		}
	})
	t.Run("etcd is down", func(t *testing.T) {
		if err := node.Close(); err != nil {
			t.Fatal(err)
		}
		fails(t, node.Root, node.Endpoint, "connection refused")
	})
}

// As somebody who may read all of the node but one directory.
func TestUnreadablePKI(t *testing.T) {
	node := startNode(t)
	recipient, _ := command.KeyPair(t)
	const nobody = 65534
	for dir := node.Root; dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, tree := range []string{"etc", "var/lib/kubelet"} {
		shell(t, node.Root, "chown -R $1 $2", "65534", tree)
	}
	closed := filepath.Join(node.Root, "etc/kubernetes/pki/front")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	for dir := to; dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	who := &syscall.Credential{Uid: nobody, Gid: nobody}
	args := []string{"backup", "--etcd-only", "--root", node.Root, "--to", filepath.Join(to, "set"), "--scratch", to, "--recipient", recipient}
	command.Bad(t, command.RunAs(t, who, "", args...), 1, "etc/kubernetes/pki/front", "permission denied", "root")
	empty(t, to)

	if err := os.Chmod(filepath.Join(node.Root, "etc/kubernetes/pki"), 0); err != nil {
		t.Fatal(err)
	}
	command.Bad(t, command.RunAs(t, who, "", args...), 1, "etc/kubernetes/pki", "permission denied", "root")
	empty(t, to)
}

func TestFullDisk(t *testing.T) {
	node, set, recipient, key := backedUp(t)
	t.Run("backup", func(t *testing.T) {
		disk := faults.SmallDisk(t, "64k")
		command.Bad(t, command.Run(t, "", "backup", "--etcd-only", "--root", node.Root, "--to", filepath.Join(disk, "set"), "--recipient", recipient), 1, "no space left on device")
		empty(t, disk)
	})
	for _, size := range []string{"1m", "32m"} { // too small for the snapshot; for what etcd adds
		t.Run("restore to "+size, func(t *testing.T) {
			disk := faults.SmallDisk(t, size)
			command.Bad(t, command.Run(t, "", "etcd", "restore", set, "--identity", key, "--data-dir", filepath.Join(disk, "etcd")), 1, "no space left on device")
			empty(t, disk)
		})
	}
	t.Run("boot", func(t *testing.T) {
		disk := faults.SmallDisk(t, "32m")
		o := command.Run(t, "", "prove", "boot", set, "--identity", key, "--scratch", disk)
		command.Bad(t, o, 1, "no space left on device")
		empty(t, disk)
	})
}

func TestUsage(t *testing.T) {
	recipient, _ := command.KeyPair(t)
	for i, args := range [][]string{
		{"bakcup"},
		{"backup"},
		{"backup", "--to", "x"},
		{"backup", "--recipient", recipient},
		{"backup", "--to", "x", "--recipient", "age1nonsense"},
		{"backup", "--frm", "x"},
		{"verify"},
		{"verify", "a", "b"},
		{"etcd"},
		{"etcd", "restroe"},
		{"etcd", "restore", "x"},
		{"etcd", "restore", "x", "--data-dir", "y"},
		{"manifests"},
		{"manifests", "dump"},
		{"manifests", "dump", "--to", "x", "--secrets", "hide"},
		{"manifests", "diff", "x"},
		{"restore"},
		{"restore", "x"},
		{"restore", "prune"},
		{"restore", "host", "x", "--identity", "y", "--name", "z"},
		{"restore", "init", "x", "--identity", "y", "--name", "z", "--address", "10.0.0"},
	} {
		t.Run(fmt.Sprint(i, " ", args[0]), func(t *testing.T) { command.Bad(t, command.Run(t, "", args...), 2) })
	}
	for _, of := range []string{
		"", "backup", "verify", "demo", "etcd save", "etcd verify", "etcd info", "etcd top", "etcd restore", "ls", "get", "history",
		"export", "recover", "prove completeness", "manifests dump", "manifests diff", "restore", "restore undo", "restore prune",
		"restore report", "restore host", "restore init", "discover", "cronjob", "pki", "pki collect", "pki check", "pki open",
	} {
		args := append(strings.Fields(of), "--help")
		o := command.Run(t, "", args...)
		if o.Code != 0 || o.Stderr != "" {
			t.Errorf("%v: exit %d, %s", args, o.Code, o.Stderr)
		}
		for line := range strings.Lines(o.Stdout) {
			if len(line) > 81 {
				t.Errorf("%v: wider than a terminal: %s", args, line)
			}
		}
	}
}

// A mount point can't be replaced by a rename: it is filled instead, and stays what it is.
func TestRestoreToMountPoint(t *testing.T) {
	_, set, _, key := backedUp(t)
	disk := faults.SmallDisk(t, "400m")
	if err := os.Chown(disk, 1234, 1234); err != nil {
		t.Fatal(err)
	}
	command.Good(t, command.Run(t, "", "etcd", "restore", set, "--identity", key, "--data-dir", disk))
	list, err := os.ReadDir(disk)
	if err != nil || len(list) != 1 || list[0].Name() != "member" {
		t.Errorf("the disk holds %v (%v), want member alone", list, err)
	}
	info, err := os.Stat(disk)
	if err != nil || info.Sys().(*syscall.Stat_t).Uid != 1234 || info.Mode().Perm() != 0o700 {
		t.Errorf("the mount point is now %v (%v)", info, err)
	}
}

// Who reads only the first line of the report does not end the backup.
func TestNobodyReadsTheReport(t *testing.T) {
	node := startNode(t)
	recipient, key := command.KeyPair(t)
	set := filepath.Join(t.TempDir(), "set")
	shell(t, ".", `"$1" backup --etcd-only --root "$2" --to "$3" --recipient "$4" | true`, command.Path(t), node.Root, set, recipient)
	command.Good(t, command.Run(t, "", "verify", set, "--identity", key))
}

// A write that failed and was overlooked does not become a file.
func TestFileOnFullDisk(t *testing.T) {
	disk := faults.SmallDisk(t, "64k")
	f, err := clustersnap.Create(filepath.Join(disk, "set"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, 100<<10)); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("write: %v, want ENOSPC", err)
	}
	if err := f.Commit(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("commit: %v, want ENOSPC", err)
	}
	empty(t, disk)
}

func TestMoreUsage(t *testing.T) {
	recipient, key := command.KeyPair(t)
	secret, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	command.Bad(t, command.Run(t, "", "backup", "--to", "-", "--recipient", recipient), 2, "--to FILE")
	command.Bad(t, command.Run(t, "", "demo", "--objects", "0"), 2, "--objects")
	command.Bad(t, command.Run(t, "", "verify"), 2, "FILE")
	o := command.Run(t, "", "backup", "--to", "x", "--recipients-file", key)
	command.Bad(t, o, 2, key, "age-keygen -y")
	if bytes.Contains([]byte(o.Stderr), bytes.TrimSpace(secret)[20:60]) {
		t.Error("the secret key is on the screen")
	}
}
