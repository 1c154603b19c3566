package demonode

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// start runs a node of its own for one test, and a client to it.
func start(t *testing.T, objects int) (*Node, *clientv3.Client) {
	t.Helper()
	node, err := Start(t.Context(), t.TempDir(), objects)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	client, err := node.Client()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return node, client
}

// tree is what kubeadm v1.37 init leaves, 34 files, and the two directories that it keeps private.
const tree = `
drwx------ etc/kubernetes/manifests
drwx------ var/lib/etcd
-rw------- etc/kubernetes/admin.conf
-rw------- etc/kubernetes/controller-manager.conf
-rw------- etc/kubernetes/kubelet.conf
-rw------- etc/kubernetes/scheduler.conf
-rw------- etc/kubernetes/super-admin.conf
-rw------- etc/kubernetes/manifests/etcd.yaml
-rw------- etc/kubernetes/manifests/kube-apiserver.yaml
-rw------- etc/kubernetes/manifests/kube-controller-manager.yaml
-rw------- etc/kubernetes/manifests/kube-scheduler.yaml
-rw-r--r-- etc/kubernetes/pki/apiserver-etcd-client.crt
-rw------- etc/kubernetes/pki/apiserver-etcd-client.key
-rw-r--r-- etc/kubernetes/pki/apiserver-kubelet-client.crt
-rw------- etc/kubernetes/pki/apiserver-kubelet-client.key
-rw-r--r-- etc/kubernetes/pki/apiserver.crt
-rw------- etc/kubernetes/pki/apiserver.key
-rw-r--r-- etc/kubernetes/pki/ca.crt
-rw------- etc/kubernetes/pki/ca.key
-rw-r--r-- etc/kubernetes/pki/etcd/ca.crt
-rw------- etc/kubernetes/pki/etcd/ca.key
-rw-r--r-- etc/kubernetes/pki/etcd/healthcheck-client.crt
-rw------- etc/kubernetes/pki/etcd/healthcheck-client.key
-rw-r--r-- etc/kubernetes/pki/etcd/peer.crt
-rw------- etc/kubernetes/pki/etcd/peer.key
-rw-r--r-- etc/kubernetes/pki/etcd/server.crt
-rw------- etc/kubernetes/pki/etcd/server.key
-rw-r--r-- etc/kubernetes/pki/front-proxy-ca.crt
-rw------- etc/kubernetes/pki/front-proxy-ca.key
-rw-r--r-- etc/kubernetes/pki/front-proxy-client.crt
-rw------- etc/kubernetes/pki/front-proxy-client.key
-rw------- etc/kubernetes/pki/sa.key
-rw------- etc/kubernetes/pki/sa.pub
-rw-r--r-- var/lib/kubelet/config.yaml
-rw-r--r-- var/lib/kubelet/instance-config.yaml
-rw-r--r-- var/lib/kubelet/kubeadm-flags.env
`

func TestTree(t *testing.T) {
	node, _ := start(t, 0)
	want := map[string]string{}
	for line := range strings.Lines(strings.TrimSpace(tree)) {
		mode, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		want[name] = mode
	}
	err := fs.WalkDir(os.DirFS(node.Root), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if mode, known := want[name]; known && mode != info.Mode().String() {
			t.Errorf("%s has mode %s, kubeadm gives %s", name, info.Mode(), mode)
		} else if !known && !entry.IsDir() {
			t.Errorf("%s is no file of kubeadm", name)
		}
		delete(want, name)
		if name == "var/lib/etcd" {
			return fs.SkipDir // etcd's own
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range want {
		t.Errorf("%s is missing", name)
	}
}

func TestClientCertificateIsRequired(t *testing.T) {
	node, client := start(t, 0)
	if _, err := client.Get(t.Context(), "x"); err != nil {
		t.Errorf("with the healthcheck certificate: %v", err)
	}
	endpoint, err := url.Parse(node.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", endpoint.Host, &tls.Config{RootCAs: pool(t, node, "etcd/ca"), NextProtos: []string{"h2"}})
	if err == nil {
		// With TLS 1.3 the server's refusal follows the handshake.
		defer conn.Close()
		_, err = conn.Read(make([]byte, 1))
	}
	if err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("without a client certificate: got %v, want a refusal", err)
	}
}

func TestCloseLeavesNothingRunning(t *testing.T) {
	node, client := start(t, 100)
	member := manifestMember(t, node)
	for range 2 {
		if err := node.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, u := range []*url.URL{member.client(), member.peer(), member.metrics()} {
		listener, err := net.Listen("tcp", u.Host)
		if err != nil {
			t.Errorf("the port is still taken: %v", err)
			continue
		}
		listener.Close()
	}
	client.Close()
	assertNoEtcd(t)
}

func TestRestart(t *testing.T) {
	node, _ := start(t, 60)
	before := dump(t, node)
	if err := node.Restart(t.Context()); err == nil {
		t.Error("a running node was started a second time")
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	if err := node.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if differs := Diff(before, dump(t, node)); len(differs) > 0 {
		t.Errorf("after the restart: %q", differs)
	}
}

func TestStartRefuses(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		ctx     context.Context
		dir     string
		objects int
		is      error
		says    string
	}{
		{"a directory in use", t.Context(), full, 1, nil, full + " is not empty"},
		{"a missing directory", t.Context(), filepath.Join(full, "missing"), 1, fs.ErrNotExist, "missing"},
		{"a negative number", t.Context(), t.TempDir(), -1, nil, "-1 objects"},
		{"a cancelled context", cancelled, t.TempDir(), 1, context.Canceled, "start"},
		{"a context that ends once etcd is up", &endsLater{Context: cancelled}, t.TempDir(), 1, context.Canceled, "fill etcd"},
	} {
		node, err := Start(test.ctx, test.dir, test.objects)
		if node != nil || err == nil || !strings.Contains(err.Error(), test.says) || test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: got node %v and error %v", test.name, node, err)
		}
	}
	assertNoEtcd(t)
}

// Whichever of its ports etcd loses to somebody else, it must end up on other ones, as the manifest says.
func TestStartFindsOtherPorts(t *testing.T) {
	for name, lose := range map[string]func(m *member, port int){
		"client":  func(m *member, port int) { m.clientPort = port },
		"peer":    func(m *member, port int) { m.peerPort = port },
		"metrics": func(m *member, port int) { m.metricsPort = port },
	} {
		t.Run(name, func(t *testing.T) {
			taken, err := listen()
			if err != nil {
				t.Fatal(err)
			}
			defer taken.Close()
			picks := 0
			pick := func() (member, error) {
				m, err := newMember()
				if picks++; picks == 1 {
					lose(&m, taken.Addr().(*net.TCPAddr).Port)
				}
				return m, err
			}

			node := &Node{Root: t.TempDir()}
			if err := writeTree(node.Root, time.Now()); err != nil {
				t.Fatal(err)
			}
			if err := node.settle(t.Context(), pick); err != nil {
				t.Fatal(err)
			}
			if picks != 2 || manifestMember(t, node) != node.member {
				t.Errorf("after %d picks etcd is at %v, its manifest says %v", picks, node.member, manifestMember(t, node))
			}
			if url := peerURL(t, node); url != node.member.peer().String() {
				t.Errorf("etcd's member list has %s, the manifest %s", url, node.member.peer())
			}
			if err := node.Close(); err != nil {
				t.Error(err)
			}
			assertNoEtcd(t)
		})
	}
}

func peerURL(t *testing.T, node *Node) string {
	t.Helper()
	client, err := node.Client()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	members, err := client.MemberList(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return members.Members[0].PeerURLs[0]
}

// endsLater looks alive to the first who asks, which is the start of etcd, and cancelled to all others.
type endsLater struct {
	context.Context
	asked atomic.Bool
}

func (c *endsLater) Done() <-chan struct{} {
	if c.asked.CompareAndSwap(false, true) {
		return nil
	}
	return c.Context.Done()
}

func TestTwoNodesAtOnce(t *testing.T) {
	var nodes [2]*Node
	var errs [2]error
	var started sync.WaitGroup
	for i := range nodes {
		dir := t.TempDir()
		started.Go(func() { nodes[i], errs[i] = Start(t.Context(), dir, 50) })
	}
	started.Wait()
	for i, node := range nodes {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		defer node.Close()
	}
	if err := nodes[0].PutConfigMap(t.Context(), "team-0000", "only-here", map[string]string{"a": "b"}); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(Diff(dump(t, nodes[1]), dump(t, nodes[0])), "\n")
	if !strings.Contains(got, "/registry/configmaps/team-0000/only-here is new") || strings.Contains(got, "is gone") {
		t.Errorf("between the two nodes: %s", got)
	}
}

// dump reads a node through a client of its own.
func dump(t *testing.T, node *Node) map[string]Record {
	t.Helper()
	client, err := node.Client()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	records, err := Dump(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// assertNoEtcd wants no goroutine of an etcd server. Some have only their last instruction left when Close returns,
// so that they get the processor a few times before they count as leaked.
func assertNoEtcd(t *testing.T) {
	t.Helper()
	var stacks bytes.Buffer
	for range 1000 {
		stacks.Reset()
		if err := pprof.Lookup("goroutine").WriteTo(&stacks, 2); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(stacks.String(), "go.etcd.io/etcd/server") {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("etcd still runs:\n%s", &stacks)
}
