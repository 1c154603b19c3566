package realnode

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"filippo.io/age"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/pkibundle"
)

// The main job on a real node: what kubeadm 1.37 made, with kube-apiserver and controllers
// on it. Two ConfigMaps are written through the API, one before the backup and one after it; then etcd's
// data is lost and restored while kube-apiserver is stopped.
func TestRealNode(t *testing.T) {
	for _, version := range []string{"3.5", "3.6", "3.7"} {
		t.Run("etcd "+version, func(t *testing.T) {
			ctx := trial.Context(t)
			node := bed.ControlPlane(t, bed.Options{EtcdVersion: version, Encryption: true})
			node.Admins(t)
			api := node.Kubernetes(t)
			recipient, key := command.KeyPair(t)
			set := filepath.Join(t.TempDir(), "set")

			a := createConfigMap(ctx, t, api, "a")
			secret, err := api.CoreV1().Secrets("default").Create(ctx, &corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Name: "s"}, Data: map[string][]byte{"key": []byte("hidden")},
			}, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			command.Good(t, command.RunOn(t, node, "backup", "--root", node.Root, "--to", set, "--recipient", recipient))
			b := createConfigMap(ctx, t, api, "b")

			pods, aside := filepath.Join(node.Root, manifests), t.TempDir()
			for _, pod := range []string{"kube-apiserver", "etcd"} { // in this order: without etcd kube-apiserver takes 30 s to stop
				trial.Must(t, os.Rename(filepath.Join(pods, pod+".yaml"), filepath.Join(aside, pod+".yaml")))
				if err := node.Pods.WaitGone(ctx, pod); err != nil {
					t.Fatal(err)
				}
			}
			// What etcd holds can't be read without the key that encrypts it at rest: both are lost.
			dataDir, encryption := filepath.Join(node.Root, "var/lib/etcd"), filepath.Join(node.Root, bed.EncryptionConfig)
			for _, lost := range []string{dataDir, encryption} {
				if err := os.RemoveAll(lost); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(encryption, sealedFile(t, set, key, bed.EncryptionConfig), 0o600); err != nil {
				t.Fatal(err)
			}

			command.Good(t, command.RunOn(t, node, "prove", "boot", set, "--identity", key, "--scratch", t.TempDir()))
			command.Good(t, command.RunOn(t, node, "etcd", "restore", set, "--identity", key, "--data-dir", dataDir))
			trial.Must(t, os.Rename(filepath.Join(aside, "etcd.yaml"), filepath.Join(pods, "etcd.yaml")))
			if err := node.WaitEtcd(ctx); err != nil {
				t.Fatal(err)
			}
			trial.Must(t, os.Rename(filepath.Join(aside, "kube-apiserver.yaml"), filepath.Join(pods, "kube-apiserver.yaml")))
			if err := node.WaitAPI(ctx); err != nil {
				t.Fatal(err)
			}

			maps := api.CoreV1().ConfigMaps("default")
			if got, err := maps.Get(ctx, "a", metav1.GetOptions{}); err != nil || got.UID != a.UID || got.ResourceVersion != a.ResourceVersion {
				t.Errorf("a is now %v (%v), want %v", got, err, a)
			}
			if got, err := maps.Get(ctx, "b", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				t.Errorf("b is still there: %v (%v)", got, err)
			}
			if got, err := api.CoreV1().Secrets("default").Get(ctx, "s", metav1.GetOptions{}); err != nil || string(got.Data["key"]) != "hidden" || got.UID != secret.UID {
				t.Errorf("the secret is now %v (%v), want %v", got, err, secret)
			}
			toldToListAnew(ctx, t, api, b.ResourceVersion)
			c := createConfigMap(ctx, t, api, "c")
			if revision(t, c) < revision(t, b)+1e9 {
				t.Errorf("a new object has resourceVersion %s, and clients have seen %s", c.ResourceVersion, b.ResourceVersion)
			}
		})
	}
}

const manifests = "etc/kubernetes/manifests"

func TestMain(m *testing.M) { command.Main(m) }

func createConfigMap(ctx context.Context, t *testing.T, api kubernetes.Interface, name string) *corev1.ConfigMap {
	t.Helper()
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"name": name}}
	made, err := api.CoreV1().ConfigMaps("default").Create(ctx, object, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// toldToListAnew holds that a watch from an old resourceVersion gets no events that would hide what it has missed.
func toldToListAnew(ctx context.Context, t *testing.T, api kubernetes.Interface, resourceVersion string) {
	t.Helper()
	w, err := api.CoreV1().ConfigMaps("default").Watch(ctx, metav1.ListOptions{ResourceVersion: resourceVersion})
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		return
	}
	if err != nil {
		t.Errorf("watch from %s: %v, want Expired", resourceVersion, err)
		return
	}
	defer w.Stop()
	event, open := <-w.ResultChan()
	if open && event.Type == watch.Error {
		err = apierrors.FromObject(event.Object)
	}
	if !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err) {
		t.Errorf("a watch from %s gets %v (%v), want Expired", resourceVersion, event, err)
	}
}

func revision(t *testing.T, object metav1.Object) int64 {
	t.Helper()
	n, err := strconv.ParseInt(object.GetResourceVersion(), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// sealedFile takes one of the node's files out of a set, as clustersnap wrote it.
func sealedFile(t *testing.T, set, key, name string) []byte {
	t.Helper()
	keys, err := os.Open(key)
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	identities, err := age.ParseIdentities(keys)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(set)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	plain, size, err := age.DecryptReaderAt(f, info.Size(), identities...)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := clustersnap.Open(plain, size)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := opened.Open("pki.tar.age")
	if err != nil {
		t.Fatal(err)
	}
	defer sealed.Close()
	bundle, _, err := pkibundle.Open(sealed, identities, pkibundle.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range bundle.Files {
		if file.Path == name {
			return file.Data
		}
	}
	t.Fatalf("the set has no %s", name)
	return nil
}
