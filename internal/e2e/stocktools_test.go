package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// A rescue host has no clustersnap: age, unzip, zstd, tar and etcdutl are enough.
func TestStockToolsReadTheSet(t *testing.T) {
	node := startNode(t)
	recipient, key := command.KeyPair(t)
	dir := t.TempDir()
	command.Good(t, command.Run(t, "", "backup", "--etcd-only", "--root", node.Root, "--to", filepath.Join(dir, "set"), "--recipient", recipient))

	shell(t, dir, "$1 -d -i $2 set > set.zip && unzip -t set.zip", peers.Age.Path(t), key)
	shell(t, dir, "unzip -p set.zip etcd.snap.zst | zstd -d > etcd.snap")

	var status struct{ TotalKey int }
	out := shell(t, dir, "$1 snapshot status etcd.snap -w json", peers.EtcdUtl37.Path(t))
	if err := json.Unmarshal(out, &status); err != nil {
		t.Fatal(err)
	}
	if status.TotalKey != 500 {
		t.Errorf("etcdutl sees %+v, want 500 keys", status)
	}

	list := string(shell(t, dir, "unzip -p set.zip pki.tar.age | $1 -d -i $2 | tar t", peers.Age.Path(t), key))
	for _, want := range []string{"etc/kubernetes/pki/ca.key", "etc/kubernetes/pki/sa.key", "etc/kubernetes/manifests/etcd.yaml", "etc/kubernetes/admin.conf"} {
		if !strings.Contains(list, want+"\n") {
			t.Errorf("the PKI archive lacks %s", want)
		}
	}
	shell(t, dir, "mkdir pki && unzip -p set.zip pki.tar.age | $1 -d -i $2 | tar x -C pki", peers.Age.Path(t), key)
	for _, name := range []string{"etc/kubernetes/pki/ca.key", "etc/kubernetes/pki/etcd/server.key"} {
		was, err := os.ReadFile(filepath.Join(node.Root, name))
		if err != nil {
			t.Fatal(err)
		}
		is, err := os.ReadFile(filepath.Join(dir, "pki", name))
		if err != nil || !bytes.Equal(was, is) {
			t.Errorf("%s is not as it was (%v)", name, err)
		}
	}
}

// shell runs a pipeline in dir, with args as $1, $2 and so on.
func shell(t testing.TB, dir, script string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("bash", append([]string{"-euo", "pipefail", "-c", script, "bash"}, args...)...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", script, err, out, stderr.Bytes())
	}
	return out
}
