package kubecluster

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// webObjects are a Deployment and the Service in front of it.
const webObjects = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: web, image: ` + Tool + `, imagePullPolicy: Never, args: [serve]}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {selector: {app: web}, clusterIP: 10.96.0.80, ports: [{port: 80, targetPort: 8080}]}
`

const webAddress = "10.96.0.80:80"

// rollOut waits until the Deployment has its pods.
func rollOut(t *testing.T, n *Node) {
	t.Helper()
	n.Output(t, "kubectl", "rollout", "status", "deployment/web", "--timeout=3m")
}

// visit asks the Service from a node which pod answers. Rules for a new pod may be a moment late.
func visit(t *testing.T, n *Node) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: n.DialContext, DisableKeepAlives: true}, Timeout: 5 * time.Second}
	var name string
	must(t, n.cluster.poll(stuck(t), func(ctx context.Context, _ kubernetes.Interface) error {
		r, err := client.Get("http://" + webAddress)
		if err != nil {
			return err
		}
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		name = strings.TrimSpace(string(text))
		return err
	}))
	return name
}

// timed prints what a step took, for people who look for slow ones.
func timed(t *testing.T, step string, do func()) {
	t.Helper()
	start := time.Now()
	do()
	t.Logf("%6.1f s  %s", time.Since(start).Seconds(), step)
}

// nodes is 3 in make drill: CI has no time for that.
var nodes = flag.Int("nodes", 1, "how many nodes TestCluster has, 1 or 3")

func TestCluster(t *testing.T) {
	settings := kernelSettings(t)
	var c *Cluster
	timed(t, "cluster is ready", func() { c = Start(t, Options{Nodes: *nodes}) })
	n := c.Nodes[0]
	n.Apply(t, webObjects)
	timed(t, "Deployment has its pods", func() { rollOut(t, n) })

	t.Run("service", func(t *testing.T) {
		for _, n := range c.Nodes {
			if name := visit(t, n); !strings.HasPrefix(name, "web-") {
				t.Errorf("the Service answers %q to %s, want the name of a pod", name, n.Name)
			}
		}
		if name := n.Output(t, "kubectl", "exec", "deployment/web", "--", "tool", "get", "http://"+webAddress); !strings.HasPrefix(name, "web-") {
			t.Errorf("the Service answers %q to a pod, want the name of a pod", name)
		}
	})
	t.Run("exec and logs", func(t *testing.T) {
		if got := n.Output(t, "kubectl", "exec", "deployment/web", "--", "tool", "say", "hello"); got != "hello\n" {
			t.Errorf("exec printed %q", got)
		}
		if got := n.Output(t, "kubectl", "logs", "deployment/web"); !strings.HasPrefix(got, "serving as web-") {
			t.Errorf("logs are %q", got)
		}
	})
	t.Run("members", func(t *testing.T) { testMembers(t, c) })
	t.Run("systemctl", func(t *testing.T) { testSystemctl(t, n) })
	t.Run("files", func(t *testing.T) { testFiles(t, n) })
	t.Run("power cut", func(t *testing.T) { testPowerCut(t, c) })
	t.Run("machine", func(t *testing.T) {
		if now := kernelSettings(t); now != settings {
			t.Errorf("settings of the test machine's kernel are %q, and were %q", now, settings)
		}
	})
}

// testMembers holds that each node is what it is set up for: an etcd member, and the owner of the addresses that its
// plugins give to pods.
func testMembers(t *testing.T, c *Cluster) {
	list := c.Nodes[0].Output(t, "sh", "-c", "exec etcdctl --endpoints=https://127.0.0.1:2379 --cacert=$0/ca.crt "+
		"--cert=$0/server.crt --key=$0/server.key member list", "/etc/kubernetes/pki/etcd")
	if got := strings.Count(list, ", started, "); got != len(c.Nodes) || strings.Contains(list, ", true") {
		t.Errorf("etcd has %d members, want %d and no learner:\n%s", got, len(c.Nodes), list)
	}
	for i, n := range c.Nodes {
		got, err := c.Kubernetes(t).CoreV1().Nodes().Get(stuck(t), n.Name, metav1.GetOptions{})
		must(t, err)
		if got.Spec.PodCIDR != podSubnet(i+1) {
			t.Errorf("the controllers gave %s %s, and its plugins give %s", n.Name, got.Spec.PodCIDR, podSubnet(i+1))
		}
	}
}

// kernelSettings are those of the whole machine that kubelet and kube-proxy like to change.
func kernelSettings(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, name := range []string{
		"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys",
		"kernel/keys/root_maxbytes", "net/netfilter/nf_conntrack_max", "net/ipv4/ip_forward",
	} {
		text, err := os.ReadFile(filepath.Join("/proc/sys", name))
		must(t, err)
		fmt.Fprintf(&all, "%s=%s ", name, strings.TrimSpace(string(text)))
	}
	return all.String()
}

func testSystemctl(t *testing.T, n *Node) {
	state := func(unit string) string {
		out, _ := n.Enter(t.Context(), "systemctl", "is-active", unit).Output() // with exit code 3 if it is not
		return strings.TrimSpace(string(out))
	}
	if got := state("kubelet"); got != "active" {
		t.Errorf("kubelet is %q", got)
	}
	before, err := n.Running("kubelet")
	must(t, err)
	n.Output(t, "systemctl", "stop", "kubelet.service")
	if now, err := n.Running("kubelet"); err != nil || len(now) != 0 || state("kubelet") != "inactive" {
		t.Errorf("stopped, kubelet is %q and runs as %v (%v)", state("kubelet"), now, err)
	}
	n.Output(t, "systemctl", "daemon-reload")
	n.Output(t, "systemctl", "start", "kubelet")
	must(t, n.cluster.poll(stuck(t), func(context.Context, kubernetes.Interface) error {
		now, err := n.Running("kubelet")
		if err == nil && (len(now) != 1 || slices.Equal(now, before)) {
			err = fmt.Errorf("started, kubelet runs as %v", now)
		}
		return err
	}))
	if out, err := n.Enter(t.Context(), "systemctl", "start", "cron").CombinedOutput(); err == nil || !strings.Contains(string(out), "could not be found") {
		t.Errorf("a unit that is not there: %q (%v)", out, err)
	}
}

// Folders that restores move are plain ones, and what is on a node is seen from outside, and the other way round.
func testFiles(t *testing.T, n *Node) {
	n.Output(t, "sh", "-ec", "mkdir /var/lib/etcd2 && mv /var/lib/etcd2 /var/lib/etcd3 && mv /etc/kubernetes /etc/aside && mv /etc/aside /etc/kubernetes")
	for _, name := range []string{"var/lib/etcd3", "var/lib/etcd/member", "etc/kubernetes/manifests/etcd.yaml"} {
		if _, err := os.Stat(filepath.Join(n.Root, name)); err != nil {
			t.Error(err)
		}
	}
	must(t, os.WriteFile(filepath.Join(n.Root, "var/backups/note"), []byte("from outside"), 0o600))
	if got := n.Output(t, "cat", "/var/backups/note"); got != "from outside" {
		t.Errorf("the node reads %q", got)
	}
	n.Output(t, "sh", "-ec", "mkdir -p /usr/libexec/clustersnap-test && >/root/clustersnap-test")
	for _, name := range []string{"/usr/libexec/clustersnap-test", "/root/clustersnap-test"} {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s of the node is on the test machine", name)
		}
	}
}

// testPowerCut cuts the power of the first node. The others, if there are any, go on.
func testPowerCut(t *testing.T, c *Cluster) {
	n, maps := c.Nodes[0], c.Kubernetes(t).CoreV1().ConfigMaps("default")
	before, err := maps.Create(stuck(t), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "before"}}, metav1.CreateOptions{})
	must(t, err)
	timed(t, "power cut", func() { must(t, n.PowerCut()) })
	if out, err := n.Enter(t.Context(), "true").CombinedOutput(); err == nil {
		t.Errorf("a command runs on a node without power: %s", out)
	}
	if len(c.Nodes) > 1 {
		timed(t, "the others have a leader", func() {
			must(t, c.poll(stuck(t), func(ctx context.Context, client kubernetes.Interface) error {
				during := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "during"}}
				_, err := client.CoreV1().ConfigMaps("default").Create(ctx, during, metav1.CreateOptions{})
				return err
			}))
		})
	}
	timed(t, "booted", func() { must(t, n.Boot(stuck(t))) })
	timed(t, "ready again", func() { must(t, c.WaitReady(stuck(t))) })
	after, err := c.Kubernetes(t).CoreV1().ConfigMaps("default").Get(stuck(t), "before", metav1.GetOptions{})
	must(t, err)
	if after.UID != before.UID {
		t.Error("another cluster has booted")
	}
	if name := visit(t, n); !strings.HasPrefix(name, "web-") {
		t.Errorf("after the boot the Service answers %q, want the name of a pod", name)
	}
	rollOut(t, n)
}
