package informer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

// scene is a control plane with an informer that runs beside it.
type scene struct {
	t        *testing.T
	ctx      context.Context // ends what hangs
	node     *bed.Node
	api      kubernetes.Interface // another client than the informer's
	etcd     *clientv3.Client
	door     *door // the informer's way to kube-apiserver
	lister   lister
	snapshot string
	seen     int64 // the last resourceVersion that the informer had before the restore
}

// newScene has three ConfigMaps in the API and in the informer.
func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, ctx: trial.Context(t), node: bed.ControlPlane(t, bed.Options{})}
	s.snapshot = filepath.Join(t.TempDir(), "etcd.snap")
	// Nothing here needs it, and what it writes would raise the revision.
	s.stop("kube-controller-manager")
	s.api, s.etcd, s.door = s.node.Kubernetes(t), s.node.EtcdClient(t), newDoor(s.node)
	s.lister = inform(t, s.door.through(s.node.RESTConfig(t)))
	for _, name := range []string{"kept", "changed", "deleted"} {
		s.create(name, "1")
	}
	s.awaitSame()
	return s
}

// change takes the snapshot, and goes on from there for a number of revisions at least. The informer has seen all of it.
func (s *scene) change(revisions int64) {
	s.t.Helper()
	saved, err := etcdsnap.SaveFile(s.ctx, s.snapshot, s.etcd, etcdsnap.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(saved.Content.Revision + revisions)
	api := s.api.CoreV1().ConfigMaps(namespace)
	if err := api.Delete(s.ctx, "deleted", metav1.DeleteOptions{}); err != nil {
		s.t.Fatal(err)
	}
	s.create("created", "2")
	changed, err := api.Update(s.ctx, configMap("changed", "2"), metav1.UpdateOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	s.awaitSame()
	s.seen = revision(s.t, changed.ResourceVersion)
}

// restore stops kube-apiserver and etcd, puts the snapshot in the place of etcd's data, and starts etcd.
func (s *scene) restore(opts restore.Options) {
	s.t.Helper()
	s.door.shut()
	s.stop("kube-apiserver") // first: without etcd it takes 30 s
	s.stop("etcd")
	src, err := os.Open(s.snapshot)
	if err != nil {
		s.t.Fatal(err)
	}
	defer src.Close()
	opts.MoveAside = true
	members := []restore.Member{{
		Name: s.node.Name, PeerURLs: []string{"https://" + s.node.Address + ":2380"}, DataDir: filepath.Join(s.node.Root, "var/lib/etcd"),
	}}
	if _, err := restore.Restore(s.ctx, src, members, time.Minute, opts); err != nil {
		s.t.Fatal(err)
	}
	trial.Must(s.t, os.Rename(s.aside("etcd"), s.manifest("etcd")))
	if err := s.node.WaitEtcd(s.ctx); err != nil {
		s.t.Fatal(err)
	}
}

// start starts kube-apiserver, and lets the informer in when that is ready.
func (s *scene) start() {
	s.t.Helper()
	trial.Must(s.t, os.Rename(s.aside("kube-apiserver"), s.manifest("kube-apiserver")))
	if err := s.node.WaitAPI(s.ctx); err != nil {
		s.t.Fatal(err)
	}
	s.door.open()
}

func (s *scene) stop(pod string) {
	s.t.Helper()
	trial.Must(s.t, os.Rename(s.manifest(pod), s.aside(pod)))
	if err := s.node.Pods.WaitGone(s.ctx, pod); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) manifest(pod string) string {
	return filepath.Join(s.node.Root, "etc/kubernetes/manifests", pod+".yaml")
}

func (s *scene) aside(pod string) string {
	return filepath.Join(s.node.Root, "etc/kubernetes", pod+".yaml")
}

// write writes to etcd, beside kube-apiserver, until it is past a revision.
func (s *scene) write(past int64) {
	s.t.Helper()
	var writers sync.WaitGroup
	for range 16 { // each of which waits for the disk
		writers.Go(func() {
			for {
				put, err := s.etcd.Put(s.ctx, elsewhere, "")
				if err != nil {
					s.t.Error(err)
					return
				}
				if put.Header.Revision > past {
					return
				}
			}
		})
	}
	writers.Wait()
}

// elsewhere is a key that kube-apiserver knows nothing of.
const elsewhere = "/elsewhere"

func (s *scene) etcdRevision() int64 {
	s.t.Helper()
	got, err := s.etcd.Get(s.ctx, elsewhere)
	if err != nil {
		s.t.Fatal(err)
	}
	return got.Header.Revision
}

func (s *scene) create(name, text string) *corev1.ConfigMap {
	s.t.Helper()
	made, err := s.api.CoreV1().ConfigMaps(namespace).Create(s.ctx, configMap(name, text), metav1.CreateOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	return made
}

func configMap(name, text string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{label: "yes"}}, Data: map[string]string{"text": text},
	}
}

// object is what is compared of a ConfigMap.
type object struct{ version, text string }

// store is what the informer has.
func (s *scene) store() map[string]object {
	s.t.Helper()
	list, err := s.lister.List(labels.Everything())
	if err != nil {
		s.t.Fatal(err)
	}
	objects := make(map[string]object)
	for _, m := range list {
		objects[m.Name] = object{m.ResourceVersion, m.Data["text"]}
	}
	return objects
}

// list is what the API has.
func (s *scene) list() map[string]object {
	s.t.Helper()
	list, err := s.api.CoreV1().ConfigMaps(namespace).List(s.ctx, metav1.ListOptions{LabelSelector: label})
	if err != nil {
		s.t.Fatal(err)
	}
	objects := make(map[string]object)
	for _, m := range list.Items {
		objects[m.Name] = object{m.ResourceVersion, m.Data["text"]}
	}
	return objects
}

func texts(objects map[string]object) map[string]string {
	texts := make(map[string]string)
	for name, o := range objects {
		texts[name] = o.text
	}
	return texts
}

func (s *scene) awaitSame() {
	s.t.Helper()
	s.await("the informer has what the API has", func() error {
		if has, want := s.store(), s.list(); !maps.Equal(has, want) {
			return fmt.Errorf("it has %v, the API has %v", has, want)
		}
		return nil
	})
}

// await calls check until it is content.
func (s *scene) await(what string, check func() error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.t.Fatalf("wait until %s: %v", what, errors.Join(err, context.Cause(ctx)))
		}
	}
}

func revision(t *testing.T, resourceVersion string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(resourceVersion, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
