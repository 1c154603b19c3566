package ctrlrestores

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap/etcdsnap"
	etcdrestore "github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/restore"
	"github.com/clustersnap/clustersnap/manifests/storage"
	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/pair"
)

// taskVariable has this test executable do one task instead of tests: in a process of its own, in the node's network, that a
// test can kill.
const taskVariable = "CLUSTERSNAP_CTRLRESTORES_TASK"

var must, stuck = trial.Must, trial.Context

func TestMain(m *testing.M) {
	if text := os.Getenv(taskVariable); text != "" {
		os.Exit(perform(text))
	}
	command.Main(m)
}

// task is what a process is to do.
type task struct {
	Root     string
	Snapshot string // a file
	Bundle   string // a sealed one, or empty
	Identity string // of the bundle: a file
	Unpaired bool   // the bundle is not held against the snapshot
	Strange  bool   // what is said of the restored data is not true
	Node     *kubeadm.Node
	Options  restore.PlanOptions
	Limit    time.Duration
	// RollBack has it roll back, whatever is lost if LoseWrites is set.
	RollBack   bool
	LoseWrites bool
	// Kill has the process kill itself at the event of that number, from 1.
	Kill int
	// At are commands for the shell, each by a piece of the event at which it is run, once.
	At map[string]string
}

// did is what a process says of its task.
type did struct {
	Report *restore.Report
	Events []string
	Error  string
	// Kinds are those of the error.
	Refused, Started, None, Back bool
	killed                       bool
}

// perform does a task, and prints what it did.
func perform(text string) (code int) {
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	var out did
	host := restore.Host{Root: t.Root, Limit: t.Limit, Changed: func(what string) {
		out.Events = append(out.Events, what)
		for at, line := range t.At {
			if strings.Contains(what, at) {
				delete(t.At, at)
				if text, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
					out.Events = append(out.Events, fmt.Sprintf("%s: %v: %s", line, err, text))
				}
			}
		}
		if len(out.Events) == t.Kill {
			fmt.Println(what)
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}}
	var err error
	if t.RollBack {
		opts := restore.RollbackOptions{LoseWrites: t.LoseWrites}
		out.Report, err = restore.Rollback(context.Background(), host, "/var/lib/etcd", opts)
	} else {
		out.Report, err = t.run(host)
	}
	if err != nil {
		out.Error = err.Error()
		out.Refused, out.Started = errors.Is(err, restore.ErrRefused), errors.Is(err, restore.ErrStarted)
		out.None, out.Back = errors.Is(err, restore.ErrNone), errors.Is(err, restore.ErrRollingBack)
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		return 2
	}
	return 0
}

// run restores, or goes on with that.
func (t task) run(host restore.Host) (*restore.Report, error) {
	plan, err := restore.Unfinished(t.Root, "/var/lib/etcd")
	if errors.Is(err, restore.ErrNone) {
		node := t.Node
		if node == nil {
			if node, err = kubeadm.Read(kubeadm.NodeFS(t.Root), kubeadm.Options{}); err != nil {
				return nil, err
			}
		}
		plan, err = restore.New(node, time.Now(), t.Options), nil
	}
	if err != nil {
		return nil, err
	}
	source := restore.Source{Stage: func(ctx context.Context, dir string, last int64) (restore.Staged, error) {
		return t.stage(ctx, plan, dir, last)
	}}
	if t.Bundle != "" {
		source.Files = t.files
	}
	return restore.Run(context.Background(), host, plan, source)
}

// stage is what a caller has to write for etcd.
func (t task) stage(ctx context.Context, plan *restore.Plan, dir string, last int64) (restore.Staged, error) {
	if last == 0 { // etcd answers in all of these tests
		return restore.Staged{}, errors.New("the revision of the running etcd is not known")
	}
	f, err := os.Open(t.Snapshot)
	if err != nil {
		return restore.Staged{}, err
	}
	defer f.Close()
	member := etcdrestore.Member{Name: plan.Node.Etcd.Name.Value, DataDir: dir}
	for _, u := range plan.Node.Etcd.PeerURLs {
		member.PeerURLs = append(member.PeerURLs, u.Value)
	}
	made, err := etcdrestore.Restore(ctx, f, []etcdrestore.Member{member}, time.Minute, etcdrestore.Options{LastRevision: last})
	if err != nil {
		return restore.Staged{}, err
	}
	snapshot, err := openSnapshot(f)
	if err != nil {
		return restore.Staged{}, err
	}
	kv, err := snapshot.Get(ctx, "/registry/namespaces/kube-system", 0)
	if err != nil {
		return restore.Staged{}, err
	}
	meta, err := storage.ReadMeta(kv.Value)
	if t.Strange {
		made.ClusterID = "1"
	}
	return restore.Staged{
		Revision: made.Revision, ClusterID: made.ClusterID, Keys: made.Snapshot.Content.Keyspace.Keys, ClusterUID: meta.UID,
	}, err
}

func openSnapshot(f *os.File) (*etcdsnap.Snapshot, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return etcdsnap.Open(f, info.Size())
}

// files is what a caller has to write for the node's files.
func (t task) files(ctx context.Context, parent *os.Root, name string) error {
	bundle, err := t.open()
	if err != nil {
		return err
	}
	defer bundle.Clear()
	if !t.Unpaired {
		if err := t.paired(ctx, bundle); err != nil {
			return err
		}
	}
	return pkibundle.Extract(parent, name, bundle, pkibundle.ExtractOptions{Names: kubeadm.NodeFS(t.Root)})
}

func (t task) open() (*pkibundle.Bundle, error) {
	text, err := os.ReadFile(t.Identity)
	if err != nil {
		return nil, err
	}
	identities, err := age.ParseIdentities(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	sealed, err := os.Open(t.Bundle)
	if err != nil {
		return nil, err
	}
	defer sealed.Close()
	bundle, _, err := pkibundle.Open(sealed, identities, pkibundle.OpenOptions{})
	return bundle, err
}

// paired holds the bundle against the snapshot.
func (t task) paired(ctx context.Context, bundle *pkibundle.Bundle) error {
	f, err := os.Open(t.Snapshot)
	if err != nil {
		return err
	}
	defer f.Close()
	snapshot, err := openSnapshot(f)
	if err != nil {
		return err
	}
	var stopped error
	for _, r := range pair.With(bundle, func(yield func(key, value []byte) bool) {
		for kv, err := range snapshot.Range(ctx, "", 0) {
			if stopped = err; err != nil || !yield(kv.Key, kv.Value) {
				return
			}
		}
	}) {
		if r.State == pair.Mismatch {
			return fmt.Errorf("the files do not belong to the snapshot: %s: %s", r.Subject, r.Why)
		}
	}
	return stopped
}
