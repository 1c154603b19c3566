package reissue

import (
	"bytes"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/pkibundle"
)

// bundleOf is that of a whole node: what Leaves makes, and static pods as kubeadm writes them.
func bundleOf(t testing.TB, n Node) *pkibundle.Bundle {
	t.Helper()
	b := reissued(t, sharedFiles(t, edwards), n)
	etcd, port, subnet := "https://127.0.0.1:2379", n.BindPort, n.ServiceSubnet.String()
	if n.ExternalEtcd {
		etcd = "https://192.0.2.77:2379"
	} else {
		b.Files = append(b.Files, staticPod("etcd", "registry.k8s.io/etcd:3.7.0-0", "--name="+n.Name))
	}
	b.Files = append(b.Files,
		staticPod("kube-apiserver", "registry.example.com:5000/k8s/kube-apiserver:"+n.Version+"@sha256:0123",
			"--advertise-address="+n.AdvertiseAddress.String(), fmt.Sprintf("--secure-port=%d", port),
			"--service-cluster-ip-range="+subnet+",fd77::/112", "--etcd-servers="+etcd),
		staticPod("kube-controller-manager", "registry.k8s.io/kube-controller-manager:"+n.Version,
			"--cluster-name="+n.ClusterName),
	)
	return b
}

func staticPod(program, image string, flags ...string) pkibundle.File {
	command := strings.Join(append([]string{program}, flags...), "\n    - ")
	text := "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: " + image + "\n    command:\n    - " + command + "\n"
	return pkibundle.File{Path: "etc/kubernetes/manifests/" + program + ".yaml", Role: "static-pod", Data: []byte(text)}
}

// fullNode is one in which each field differs from the default.
func fullNode() Node {
	return Node{
		Name: "cp1", AdvertiseAddress: netip.MustParseAddr("10.1.2.3"), Version: "v1.36.2",
		BindPort: 8443, ControlPlaneEndpoint: "api.example.com:443", ServiceSubnet: netip.MustParsePrefix("10.32.0.0/16"),
		DNSDomain: "k8s.example.com", ClusterName: "prod",
		APIServerNames: []string{"minikubeCA", "old.example.com", "192.0.2.1"}, EtcdServerNames: []string{"etcd.example.com"},
		EtcdPeerNames: []string{"fd00::2"},
	}
}

// What Leaves is told, NodeOf reads from its result and the static pods.
func TestNodeOfIsTheInverse(t *testing.T) {
	external := fullNode()
	external.ExternalEtcd, external.EtcdServerNames, external.EtcdPeerNames = true, nil, nil
	v6 := fullNode()
	v6.AdvertiseAddress, v6.ControlPlaneEndpoint = netip.MustParseAddr("fd00::1"), "[fd00::99]:6443"
	plain, err := plainNode().filled()
	if err != nil {
		t.Fatal(err)
	}
	plain.Validity = 0
	for name, n := range map[string]Node{"full": fullNode(), "external etcd": external, "IPv6": v6, "defaults": plain} {
		t.Run(name, func(t *testing.T) {
			got, err := NodeOf(bundleOf(t, n))
			if err != nil {
				t.Fatal(err)
			}
			got = sorted(got)
			if want := sorted(n); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func sorted(n Node) Node {
	for _, names := range []*[]string{&n.APIServerNames, &n.EtcdServerNames, &n.EtcdPeerNames} {
		if *names = slices.Sorted(slices.Values(*names)); len(*names) == 0 {
			*names = nil
		}
	}
	return n
}

// Patches for kubeadm look like pods, and are none of the node's.
func TestNodeOfIgnoresPatches(t *testing.T) {
	b := bundleOf(t, fullNode())
	patch := staticPod("kube-apiserver", "other:v1.1.1", "--advertise-address=192.0.2.9")
	patch.Path = "etc/kubernetes/patches/kube-apiserver0.yaml"
	second := staticPod("kube-apiserver", "other:v1.1.1", "--advertise-address=192.0.2.9")
	second.Path = "etc/kubernetes/manifests/z.yaml"
	b.Files = append(append([]pkibundle.File{patch}, b.Files...), second)
	n, err := NodeOf(b)
	if err != nil || n.AdvertiseAddress != fullNode().AdvertiseAddress || n.Version != fullNode().Version {
		t.Errorf("got %+v, %v", n, err)
	}
}

// A running kubelet has its certificate elsewhere, and its kubeconfig names that by a path.
func TestNameOfTheKubelet(t *testing.T) {
	b := bundleOf(t, fullNode())
	pair := configAt(t, b, "etc/kubernetes/kubelet.conf")
	f := file(t, b, "etc/kubernetes/kubelet.conf")
	f.Data = bytes.ReplaceAll(f.Data, []byte("client-certificate-data: "), []byte("client-certificate: /var/lib/x.pem #"))
	file(t, b, pki+"etcd/server.crt").Data = nil // its name would do, too
	if _, err := NodeOf(b); err == nil || !strings.Contains(err.Error(), "neither the kubelet nor etcd") {
		t.Errorf("without any certificate: %v", err)
	}
	b = bundleOf(t, fullNode())
	b.Files = slices.DeleteFunc(b.Files, func(f pkibundle.File) bool { return f.Role == "kubelet-kubeconfig" })
	const dir, role = "var/lib/kubelet/pki/", "kubelet-client-pair"
	b.Files = append(b.Files,
		pkibundle.File{Path: dir + "kubelet-client-current.pem", Role: role, Link: "kubelet-client-1.pem"},
		pkibundle.File{Path: dir + "kubelet-client-1.pem", Role: role, Data: slices.Concat(pair.Key, pair.Cert)},
	)
	file(t, b, pki+"etcd/server.crt").Data = file(t, sharedFiles(t, edwards), pki+"etcd/ca.crt").Data // with another name
	if n, err := NodeOf(b); err != nil || n.Name != "cp1" {
		t.Errorf("the name is %q, %v", n.Name, err)
	}
	if n, err := NodeOf(without(b, dir+"kubelet-client-1.pem")); err != nil || n.Name != "etcd-ca" {
		t.Errorf("by etcd the name is %q, %v", n.Name, err)
	}
}

func TestNodeOfSaysWhatIsMissing(t *testing.T) {
	drop := func(path string) func(b *pkibundle.Bundle) {
		return func(b *pkibundle.Bundle) { *b = *without(b, path) }
	}
	replace := func(old, new string) func(b *pkibundle.Bundle) {
		return func(b *pkibundle.Bundle) {
			for i := range b.Files {
				if b.Files[i].Path == "etc/kubernetes/manifests/kube-apiserver.yaml" {
					b.Files[i].Data = []byte(strings.Replace(string(b.Files[i].Data), old, new, 1))
				}
			}
		}
	}
	for name, c := range map[string]struct {
		change func(b *pkibundle.Bundle)
		word   string
	}{
		"static pod":  {drop("etc/kubernetes/manifests/kube-apiserver.yaml"), "no static pod runs kube-apiserver"},
		"pod of etcd": {drop("etc/kubernetes/manifests/etcd.yaml"), "no static pod is that etcd"},
		"pod of an etcd on IPv6": {func(b *pkibundle.Bundle) {
			drop("etc/kubernetes/manifests/etcd.yaml")(b)
			replace("127.0.0.1", "[::1]")(b)
		}, "no static pod is that etcd"},
		"address":            {replace("--advertise-address=", "--bind-address="), "--advertise-address="},
		"port":               {replace("--secure-port=8443", "--secure-port=99999"), "--secure-port=99999"},
		"services":           {replace("--service-cluster-ip-range=", "--service="), "--service-cluster-ip-range"},
		"version":            {replace(":v1.36.2", ""), "image"},
		"apiserver.crt":      {drop(pki + "apiserver.crt"), "apiserver-cert"},
		"etcd/server.crt":    {drop(pki + "etcd/server.crt"), "etcd-server-cert"},
		"etcd/peer.crt":      {drop(pki + "etcd/peer.crt"), "etcd-peer-cert"},
		"broken admin.conf":  {func(b *pkibundle.Bundle) { b.With("admin-kubeconfig")[0].Data[0] = '{' }, "admin.conf"},
		"server is no URL":   {func(b *pkibundle.Bundle) { setServer(b, "//") }, "admin.conf"},
		"both kubeconfigs":   {func(b *pkibundle.Bundle) { dropKubeconfigs(b) }, "neither an admin.conf nor"},
		"the shared are all": {func(b *pkibundle.Bundle) { b.Files = b.With("cluster-ca-cert") }, "no static pod"},
	} {
		t.Run(name, func(t *testing.T) {
			b := bundleOf(t, fullNode())
			c.change(b)
			n, err := NodeOf(b)
			if err == nil || !strings.Contains(err.Error(), c.word) {
				t.Fatalf("got %+v and %v, want an error with %q", n, err, c.word)
			}
			if !reflect.DeepEqual(n, Node{}) {
				t.Errorf("beside the error there is %+v", n)
			}
		})
	}
}

func setServer(b *pkibundle.Bundle, url string) {
	for i := range b.Files {
		if b.Files[i].Role == "admin-kubeconfig" {
			b.Files[i].Data = []byte(strings.Replace(string(b.Files[i].Data), "https://api.example.com:443", url, 1))
		}
	}
}

// dropKubeconfigs leaves a certificate of the kubelet, which has its name.
func dropKubeconfigs(b *pkibundle.Bundle) {
	for i := range b.Files {
		if b.Files[i].Role == "kubelet-kubeconfig" {
			b.Files[i].Role, b.Files[i].Data = "kubelet-client-pair", nil
		}
	}
	b.Files = slices.DeleteFunc(b.Files, func(f pkibundle.File) bool { return f.Role == "admin-kubeconfig" })
}
