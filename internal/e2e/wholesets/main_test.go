package wholesets

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

func TestMain(m *testing.M) { command.Main(m) }

var must, stuck = trial.Must, trial.Context

// scene is a control plane with a CSI stack, and who may open its backups.
type scene struct {
	*testing.T
	ctx            context.Context
	node           *bed.Node
	bed            *csibed.Bed
	recipient, key string
}

// The parts go from a good cluster to one that is worse and worse.
func TestWholeSets(t *testing.T) {
	node := bed.ControlPlane(t, bed.Options{Encryption: true})
	s := &scene{T: t, ctx: stuck(t), node: node, bed: csibed.Start(t, node, csibed.Options{})}
	s.recipient, s.key = command.KeyPair(t)
	node.Admins(t)
	s.shop()
	for _, part := range []struct {
		name string
		run  func(*scene)
	}{
		{"the package example", example},
		{"with volumes, and booted", whole},
		{"encrypted at rest", atRest},
		{"as Prometheus is told", told},
		{"with the rights of the example", audited},
		{"by a service account that sees less", seesLess},
		{"of a cluster with what no API serves", hidden},
		{"with a kubeconfig of another cluster", otherCluster},
		{"without an API server", noAPI},
	} {
		t.Run(part.name, func(t *testing.T) {
			of := *s
			of.T, of.ctx = t, stuck(t)
			part.run(&of)
		})
	}
}

// backup runs the command on the node, and says where the set is to be.
func (s *scene) backup(args ...string) (command.Outcome, string) {
	s.Helper()
	set := filepath.Join(s.TempDir(), "set")
	args = append([]string{"backup", "--root", s.node.Root, "--to", set, "--recipient", s.recipient, "--scratch", s.TempDir()}, args...)
	return command.RunOn(s, s.node, args...), set
}

// open opens a set, which is then verified to the last byte.
func (s *scene) open(file string) *clustersnap.Set {
	s.Helper()
	keys, err := os.ReadFile(s.key)
	must(s, err)
	identities, err := age.ParseIdentities(bytes.NewReader(keys))
	must(s, err)
	sealed, err := os.ReadFile(file)
	must(s, err)
	plain, size, err := age.DecryptReaderAt(bytes.NewReader(sealed), int64(len(sealed)), identities...)
	must(s, err)
	set, err := clustersnap.Open(plain, size)
	must(s, err)
	must(s, set.Verify(s.ctx))
	return set
}

// read reads a member that is JSON.
func read[T any](s *scene, set *clustersnap.Set, member string) (value T) {
	s.Helper()
	text, err := fs.ReadFile(set, member)
	must(s, err)
	must(s, json.Unmarshal(text, &value))
	return value
}

// unpacked gives a member that is compressed.
func unpacked(s *scene, set *clustersnap.Set, member string) io.Reader {
	s.Helper()
	f, err := set.Open(member)
	must(s, err)
	plain, err := clustersnap.Decompress(f)
	must(s, err)
	text, err := io.ReadAll(plain)
	must(s, err)
	return bytes.NewReader(text)
}
