package ctrlrestores

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/nodebundle"
	"github.com/clustersnap/clustersnap/internal/e2e/ondisk"
	"github.com/clustersnap/clustersnap/pkibundle"
)

// scene is a control plane, and a backup of it.
type scene struct {
	*testing.T
	ctx  context.Context
	node *bed.Node
	api  kubernetes.Interface
	task // that restores the backup
	set  string
}

// newScene starts a control plane whose programs end fast, fills it, and backs it up.
func newScene(t *testing.T) *scene {
	node := bed.ControlPlane(t, bed.Options{Encryption: true, Scheduler: true})
	s := &scene{T: t, ctx: stuck(t), node: node, api: node.Kubernetes(t)}
	s.task = task{Root: node.Root, Limit: time.Minute}
	s.hurry()
	s.settled()
	s.put("before")
	s.backUp()
	s.put("later")
	return s
}

// settled waits for the first service account, whose tokens a restore tries.
func (s *scene) settled() {
	s.Helper()
	must(s, wait.PollUntilContextCancel(s.ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		_, err := s.api.CoreV1().ServiceAccounts(metav1.NamespaceSystem).Get(ctx, "default", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return err == nil, err
	}))
}

// on gives the scene to a test below.
func (s *scene) on(t *testing.T) *scene {
	below := *s
	below.T, below.ctx = t, stuck(t)
	return &below
}

// hurry takes kube-apiserver's grace of 30 s away, which it uses up while there are watches.
func (s *scene) hurry() {
	s.Helper()
	file := s.manifest("kube-apiserver")
	text, err := os.ReadFile(file)
	must(s, err)
	before, _ := s.node.Pods.State("kube-apiserver")
	text = bytes.Replace(text, []byte("\nspec:\n"), []byte("\nspec:\n  terminationGracePeriodSeconds: 1\n"), 1)
	must(s, os.WriteFile(file, text, 0o600))
	must(s, syscall.Kill(before.PID, syscall.SIGKILL)) // or it would still take them
	must(s, s.node.Pods.Wait(s.ctx, "kube-apiserver", func(now bed.State, _ bool) bool {
		return now.PID != 0 && now.PID != before.PID
	}))
	must(s, s.node.WaitAPI(s.ctx))
}

func (s *scene) manifest(pod string) string {
	return filepath.Join(s.node.Root, "etc/kubernetes/manifests", pod+".yaml")
}

func (s *scene) path(name string) string { return filepath.Join(s.node.Root, name) }

// put writes a Secret.
func (s *scene) put(name string) {
	s.Helper()
	_, err := s.api.CoreV1().Secrets("default").Create(s.ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string][]byte{"key": []byte("hidden")},
	}, metav1.CreateOptions{})
	must(s, err)
}

// has reports whether it is there, and can be decrypted.
func (s *scene) has(name string) bool {
	s.Helper()
	got, err := s.api.CoreV1().Secrets("default").Get(s.ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false
	}
	must(s, err)
	return string(got.Data["key"]) == "hidden"
}

// isNew and isOld hold that the cluster is healthy with the restored data, or with that from before the restore.
func (s *scene) isNew() { s.Helper(); s.isHealthy(false) }
func (s *scene) isOld() { s.Helper(); s.isHealthy(true) }

func (s *scene) isHealthy(later bool) {
	s.Helper()
	must(s, s.node.WaitEtcd(s.ctx))
	must(s, s.node.WaitAPI(s.ctx))
	if !s.has("before") || s.has("later") != later {
		s.Errorf("there is before: %t, later: %t, want true and %t", s.has("before"), s.has("later"), later)
	}
	for _, pod := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
		must(s, s.node.Pods.WaitRunning(s.ctx, pod))
	}
}

// backUp saves snapshot and bundle, and a set with both.
func (s *scene) backUp() {
	s.Helper()
	s.Snapshot = ondisk.Snapshot(s, s.node.EtcdClient(s))
	recipient, identity := command.KeyPair(s)
	s.Bundle, s.Identity = seal(s.T, nodebundle.Collect(s, s.node.Root), recipient), identity
	s.set = filepath.Join(s.TempDir(), "set")
	command.Good(s, command.RunOn(s, s.node, "backup", "--etcd-only", "--root", s.node.Root, "--to", s.set, "--recipient", recipient))
}

// sealed makes the task bring another bundle.
func (s *scene) sealed(t *task, bundle *pkibundle.Bundle) {
	s.Helper()
	recipient, identity := command.KeyPair(s)
	t.Bundle, t.Identity = seal(s.T, bundle, recipient), identity
}

// seal writes a bundle to a file.
func seal(t *testing.T, bundle *pkibundle.Bundle, recipient string) (sealed string) {
	t.Helper()
	recipients, err := age.ParseRecipients(strings.NewReader(recipient))
	must(t, err)
	sealed = filepath.Join(t.TempDir(), "bundle.age")
	f, err := os.Create(sealed)
	must(t, err)
	defer f.Close()
	_, err = pkibundle.Seal(f, bundle, recipients, time.Now(), pkibundle.SealOptions{})
	must(t, err)
	return sealed
}

// perform has a process do the task on the node.
func (s *scene) perform(t task) did {
	s.Helper()
	text, err := json.Marshal(t)
	must(s, err)
	self, err := os.Executable()
	must(s, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), taskVariable+"="+string(text))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = s.node.Run(cmd)
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() && t.Kill > 0 {
		return did{killed: true, Events: []string{strings.TrimSpace(stdout.String())}}
	}
	if err != nil {
		s.Fatalf("the process ended with %v\n%s%s", err, &stdout, &stderr)
	}
	var out did
	must(s, json.Unmarshal(stdout.Bytes(), &out))
	return out
}

// good has a process do the task, without an error.
func (s *scene) good(t task) did {
	s.Helper()
	out := s.perform(t)
	if out.Error != "" {
		s.Fatalf("%s\nafter %q", out.Error, out.Events)
	}
	return out
}

// bad holds what a task says that fails.
func (s *scene) bad(out did, says ...string) {
	s.Helper()
	for _, text := range says {
		if !strings.Contains(out.Error, text) || strings.Contains(out.Error, "\n") {
			s.Errorf("the error is %q, want one line with %q", out.Error, text)
		}
	}
	if s.Failed() {
		s.Fatalf("after %q", out.Events)
	}
}

// left lists what a restore has put beside something else.
func (s *scene) left() (found []string) {
	s.Helper()
	for _, dir := range []string{"etc/kubernetes", "var/lib"} {
		must(s, filepath.WalkDir(s.path(dir), func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.Name() == ".etcd.restore" || filepath.Ext(name) == ".journal" {
				return err
			}
			if strings.HasPrefix(e.Name(), ".") || filepath.Base(filepath.Dir(name)) == ".etcd.restore" {
				found = append(found, name)
				if e.IsDir() {
					return fs.SkipDir
				}
			}
			return err
		}))
	}
	return found
}
