package drills

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/clustersnap/clustersnap/internal/e2e/kubecluster"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

var must, stuck = trial.Must, trial.Context

// Scene is a cluster with a past.
type Scene struct {
	Cluster *kubecluster.Cluster // of one node
	Node    *kubecluster.Node    // the one that is lost and restored

	system types.UID // of the namespace kube-system
	before types.UID // of what was there before

	led   map[string]string // who led at the time of the backup, by program
	later types.UID         // of the pod that is not in the backup
}

const (
	namespace   = metav1.NamespaceDefault
	webAddress  = "10.96.0.80"
	workload    = "deployment/web"
	pollEach    = 100 * time.Millisecond
	rolloutTime = "--timeout=4m"
)

// objects are a Deployment and the Service in front of it.
const objects = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: ` + kubecluster.Tool + `
        imagePullPolicy: Never
        args: [serve]
        volumeMounts: [{name: data, mountPath: /data}]
      volumes: [{name: data, hostPath: {path: /srv/web, type: DirectoryOrCreate}}] # which no backup holds
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {selector: {app: web}, clusterIP: ` + webAddress + `, ports: [{port: 80, targetPort: 8080}]}
`

// NewScene gives a cluster its past: a workload that answers, and an object to be found again.
func NewScene(t testing.TB, c *kubecluster.Cluster) *Scene {
	t.Helper()
	s := &Scene{Cluster: c, Node: c.Nodes[0]}
	s.Node.Apply(t, objects)
	s.Node.Output(t, "kubectl", "rollout", "status", workload, rolloutTime)
	s.visit(t)
	client := c.Kubernetes(t)
	system, err := client.CoreV1().Namespaces().Get(stuck(t), metav1.NamespaceSystem, metav1.GetOptions{})
	must(t, err)
	s.system = system.UID
	s.before = mark(t, client, "before").UID
	return s
}

func mark(t testing.TB, client kubernetes.Interface, name string) *corev1.ConfigMap {
	t.Helper()
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}
	made, err := client.CoreV1().ConfigMaps(namespace).Create(stuck(t), object, metav1.CreateOptions{})
	must(t, err)
	return made
}

// runningPod is a pod that runs as long as it is let.
func runningPod(name string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PodSpec{
		TerminationGracePeriodSeconds: new(int64),
		Containers: []corev1.Container{{
			Name: "c", Image: kubecluster.Tool, ImagePullPolicy: corev1.PullNever, Args: []string{"pause"},
		}},
	}}
}

// startPod makes a pod and waits until it runs.
func (s *Scene) startPod(t testing.TB, name string) types.UID {
	t.Helper()
	pods := s.Cluster.Kubernetes(t).CoreV1().Pods(namespace)
	made, err := pods.Create(stuck(t), runningPod(name), metav1.CreateOptions{})
	must(t, err)
	until(t, func(ctx context.Context) error {
		pod, err := pods.Get(ctx, name, metav1.GetOptions{})
		if err == nil && !kubecluster.PodReady(pod) {
			err = fmt.Errorf("pod %s is %s", name, pod.Status.Phase)
		}
		return err
	})
	return made.UID
}

// Later makes what is not in the backup that was made before: an object, and a pod that runs.
func (s *Scene) Later(t testing.TB) {
	t.Helper()
	mark(t, s.Cluster.Kubernetes(t), "after")
	s.later = s.startPod(t, "later")
	if dir := s.laterDir(); !s.exists(dir) {
		t.Fatalf("the later pod runs, and /%s is not there", dir)
	}
}

// Disaster destroys the node's etcd data and PKI, and ends etcd and kube-apiserver. The kubelet goes on, as it would, and
// tries in vain to have them back.
func (s *Scene) Disaster(t testing.TB) {
	t.Helper()
	s.Node.Output(t, "rm", "-rf", "/var/lib/etcd", "/etc/kubernetes/pki")
	for _, program := range []string{"etcd", "kube-apiserver"} {
		must(t, s.Node.Kill(program))
	}
	until(t, func(ctx context.Context) error {
		conn, err := s.Node.DialContext(ctx, "tcp", "127.0.0.1:2379")
		if err == nil {
			conn.Close()
			return errors.New("etcd still listens")
		}
		return nil
	})
}

// Check holds that the cluster is what it was before: it is ready, and has the old objects and not the later ones.
func (s *Scene) Check(t testing.TB) {
	t.Helper()
	must(t, s.Cluster.WaitReady(stuck(t)))
	client := s.Cluster.Kubernetes(t)
	system, err := client.CoreV1().Namespaces().Get(stuck(t), metav1.NamespaceSystem, metav1.GetOptions{})
	must(t, err)
	if system.UID != s.system {
		t.Error("it is another cluster")
	}
	before, err := client.CoreV1().ConfigMaps(namespace).Get(stuck(t), "before", metav1.GetOptions{})
	must(t, err)
	if before.UID != s.before {
		t.Error("the object of before is another")
	}
	if _, err := client.CoreV1().ConfigMaps(namespace).Get(stuck(t), "after", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the object of after is there (%v)", err)
	}
	if _, err := client.CoreV1().Pods(namespace).Get(stuck(t), "later", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the pod of after is there (%v)", err)
	}
}

// Works waits until a new pod runs, the Deployment has a pod more, and the Service answers: the controllers act, the
// scheduler finds places, the kubelet starts pods, and kube-proxy follows. It is for one call.
func (s *Scene) Works(t testing.TB) {
	t.Helper()
	s.startPod(t, "fresh")
	s.Node.Output(t, "kubectl", "scale", workload, "--replicas=2")
	s.Node.Output(t, "kubectl", "rollout", "status", workload, rolloutTime)
	s.visit(t)
}

// visit waits until the Service answers with the name of one of its pods.
func (s *Scene) visit(t testing.TB) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: s.Node.DialContext, DisableKeepAlives: true}, Timeout: 5 * time.Second}
	until(t, func(context.Context) error {
		r, err := client.Get("http://" + webAddress)
		if err != nil {
			return err
		}
		defer r.Body.Close()
		text, err := io.ReadAll(io.LimitReader(r.Body, 1000))
		if err == nil && !strings.HasPrefix(string(text), "web-") {
			err = fmt.Errorf("the Service answers %q", text)
		}
		return err
	})
}

// WaitDropped waits until the kubelet has ended the later pod, which nobody knows any more: its directory goes last.
func (s *Scene) WaitDropped(t testing.TB) {
	t.Helper()
	until(t, func(context.Context) error {
		if dir := s.laterDir(); s.exists(dir) {
			return fmt.Errorf("the kubelet still has /%s", dir)
		}
		return nil
	})
}

// laterDir is where the kubelet keeps the later pod.
func (s *Scene) laterDir() string { return filepath.Join("var/lib/kubelet/pods", string(s.later)) }

// until waits until check is content.
func until(t testing.TB, check func(context.Context) error) {
	t.Helper()
	ctx := stuck(t)
	tick := time.NewTicker(pollEach)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal(errors.Join(err, context.Cause(ctx)))
		}
	}
}

// exists reports whether the node has a file.
func (s *Scene) exists(name string) bool {
	_, err := os.Lstat(filepath.Join(s.Node.Root, name))
	return err == nil
}
