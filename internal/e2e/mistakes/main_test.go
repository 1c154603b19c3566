package mistakes

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/clustersnap/clustersnap/examples/demonode"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

func TestMain(m *testing.M) { command.Main(m) }

var must = trial.Must

// Nothing that a script does changes the node or its backup: they run side by side.
func TestMistakes(t *testing.T) {
	told := &told{verbs: verbs(t), codes: map[string]map[int]bool{}}
	values := backedUp(t)
	told.node = cluster(t, values)
	t.Run("scripts", func(t *testing.T) { told.run(t, "testdata", values) })
	volumes(t, told.node)
	t.Run("volumes", func(t *testing.T) { told.run(t, "testdata/volumes", values) })
	told.all(t)
}

// backedUp gives a node that runs, its backup, and who may open that, by the names that scripts have for them.
func backedUp(t *testing.T) map[string]string {
	t.Helper()
	node, err := demonode.Start(t.Context(), t.TempDir(), 100)
	must(t, err)
	t.Cleanup(func() { node.Close() })
	dir := t.TempDir()
	recipient, key := command.KeyPair(t)
	_, other := command.KeyPair(t)
	set := filepath.Join(dir, "cp1.clustersnap")
	command.Good(t, command.Run(t, "", "backup", "--etcd-only", "--root", node.Root, "--to", set, "--recipient", recipient))
	must(t, os.Chmod(dir, 0o755))
	pki := filepath.Join(node.Root, "etc/kubernetes/pki/etcd")
	expired(t, filepath.Join(pki, "ca"), filepath.Join(dir, "expired"))
	snapshot := filepath.Join(dir, "etcd.snap")
	command.Good(t, command.Run(t, "", "etcd", "save", "--to", snapshot, "--endpoints", node.Endpoint,
		"--cacert", filepath.Join(pki, "ca.crt"), "--cert", filepath.Join(pki, "healthcheck-client.crt"),
		"--key", filepath.Join(pki, "healthcheck-client.key")))
	return map[string]string{
		"NODE": node.Root, "PKI": pki, "EXPIRED": filepath.Join(dir, "expired"), "ENDPOINT": node.Endpoint, "SET": set,
		"SNAPSHOT": snapshot, "RECIPIENT": recipient, "KEY": key, "OTHER": other, "FULL": faults.SmallDisk(t, "64k"),
		"CLUSTERSNAP": command.Path(t),
	}
}

// run runs the scripts of a folder.
func (h *told) run(t *testing.T, dir string, values map[string]string) {
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			for name, value := range values {
				e.Setenv(name, value)
			}
			return nil
		},
		ContinueOnError: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": h.exits, "nobody": h.nobody, "onnode": h.onnode, "says": says, "cuts": cuts, "flips": flips,
		},
	})
}
