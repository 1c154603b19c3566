package kubeadm_test

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// files is a file system of names and texts.
func files(texts map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for name, text := range texts {
		root[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o600}
	}
	return root
}

// k3s and rke2 write this (Configure and cluster settings in k3s-io/k3s, pkg/etcd/etcd.go and pkg/daemons/executor/executor.go, v1.33).
const etcdConfig = `
advertise-client-urls: https://10.0.0.21:2379
client-transport-security:
  cert-file: SERVER/tls/etcd/server-client.crt
  client-cert-auth: true
  key-file: SERVER/tls/etcd/server-client.key
  trusted-ca-file: SERVER/tls/etcd/server-ca.crt
data-dir: SERVER/db/etcd
election-timeout: 5000
experimental-initial-corrupt-check: true
heartbeat-interval: 500
initial-advertise-peer-urls: https://10.0.0.21:2380
initial-cluster: server-1-2a1b3c4d=https://10.0.0.21:2380
listen-client-urls: https://127.0.0.1:2379,https://10.0.0.21:2379
listen-peer-urls: https://127.0.0.1:2380,https://10.0.0.21:2380
log-outputs: [stderr]
name: server-1-2a1b3c4d
peer-transport-security:
  cert-file: SERVER/tls/etcd/peer-server-client.crt
  key-file: SERVER/tls/etcd/peer-server-client.key
  trusted-ca-file: SERVER/tls/etcd/peer-ca.crt
quota-backend-bytes: 8589934592
`

func k3sNode(server string) map[string]string {
	return map[string]string{
		server + "/db/etcd/config": strings.ReplaceAll(etcdConfig, "SERVER", "/"+server),
		server + "/tls/server.key": "", server + "/token": "",
	}
}

const k3sWant = `name server-1-2a1b3c4d <- CONFIG name
peer https://10.0.0.21:2380 <- CONFIG initial-advertise-peer-urls
cluster server-1-2a1b3c4d=https://10.0.0.21:2380 <- CONFIG initial-cluster
data SERVER/db/etcd <- CONFIG data-dir
quota 8589934592 <- CONFIG quota-backend-bytes
endpoint https://127.0.0.1:2379 <- CONFIG listen-client-urls
client https://10.0.0.21:2379 <- CONFIG advertise-client-urls
ca SERVER/tls/etcd/server-ca.crt <- TLS server-ca.crt (NAME puts it there)
cert SERVER/tls/etcd/client.crt <- TLS client.crt (NAME puts it there)
key SERVER/tls/etcd/client.key <- TLS client.key (NAME puts it there)
ca SERVER/tls/etcd/server-ca.crt <- TLS server-ca.crt (NAME puts it there)
cert SERVER/tls/etcd/server-client.crt <- TLS server-client.crt (NAME puts it there)
key SERVER/tls/etcd/server-client.key <- TLS server-client.key (NAME puts it there)
ca SERVER/tls/etcd/server-ca.crt <- CONFIG trusted-ca-file
cert SERVER/tls/etcd/peer-server-client.crt <- CONFIG peer-cert-file
key SERVER/tls/etcd/peer-server-client.key <- CONFIG peer-key-file
`

func TestK3s(t *testing.T) {
	const server = "var/lib/rancher/k3s/server"
	got, err := kubeadm.Read(files(k3sNode(server)), kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("SERVER", "/"+server, "CONFIG", server+"/db/etcd/config:", "TLS", server+"/tls/etcd:", "NAME", "k3s").Replace(withoutBeside(k3sWant))
	if text := withoutBeside(describe(got.Etcd)); text != want || got.Distribution != "k3s" {
		t.Errorf("%s, got:\n%s\nwant:\n%s", got.Distribution, text, want)
	}
	for _, name := range []string{server + "/tls", server + "/token"} {
		if !slices.Contains(got.Files, name) {
			t.Errorf("files %q lack %s", got.Files, name)
		}
	}
}

// withoutBeside leaves out the pair that kubeadm would have made for tools: ClientTLS passes over it where it is not.
func withoutBeside(text string) string {
	var kept []string
	lines := strings.SplitAfter(text, "\n")
	for i := 0; i < len(lines); i++ {
		if i+1 < len(lines) && strings.Contains(lines[i+1], "beside it") {
			i += 2
			continue
		}
		kept = append(kept, lines[i])
	}
	return strings.Join(kept, "")
}

// rke2's static pod (pkg/podtemplate in rancher/rke2).
const rke2Etcd = `
apiVersion: v1
kind: Pod
metadata: {name: etcd, namespace: kube-system}
spec:
  containers:
  - args: [--config-file=/var/lib/rancher/rke2/server/db/etcd/config]
    command: [etcd]
    image: index.docker.io/rancher/hardened-etcd:v3.5.21-k3s1-build20250411
    name: etcd
    volumeMounts:
    - {mountPath: /var/lib/rancher/rke2/server/db/etcd, name: dir0}
    - {mountPath: /var/lib/rancher/rke2/server/tls/etcd, name: dir1}
  volumes:
  - {name: dir0, hostPath: {path: /var/lib/rancher/rke2/server/db/etcd}}
  - {name: dir1, hostPath: {path: /var/lib/rancher/rke2/server/tls/etcd}}
`

func TestRKE2(t *testing.T) {
	const server, manifests = "var/lib/rancher/rke2/server", "var/lib/rancher/rke2/agent/pod-manifests"
	texts := k3sNode(server)
	texts[manifests+"/etcd.yaml"] = rke2Etcd
	got, err := kubeadm.Read(files(texts), kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	source := manifests + "/etcd.yaml: container etcd: image"
	want := strings.NewReplacer("SERVER", "/"+server, "CONFIG", server+"/db/etcd/config:", "TLS", server+"/tls/etcd:", "NAME", "rke2").Replace(k3sWant) +
		"image index.docker.io/rancher/hardened-etcd:v3.5.21-k3s1-build20250411 <- " + source + "\nversion 3.5.21 <- " + source + " (from its tag)\n"
	if text := withoutBeside(describe(got.Etcd)); text != want || got.Distribution != "rke2" {
		t.Errorf("%s, got:\n%s\nwant:\n%s", got.Distribution, text, want)
	}
	for _, name := range []string{manifests, server + "/tls", server + "/db/etcd/config"} {
		if !slices.Contains(got.Files, name) {
			t.Errorf("files %q lack %s", got.Files, name)
		}
	}
}

// kubespray's template (roles/etcd/templates/etcd.env.j2 in kubernetes-sigs/kubespray, v2.28).
const kubesprayEnv = `# Environment file for etcd v3.5.21
ETCD_DATA_DIR=/var/lib/etcd
ETCD_ADVERTISE_CLIENT_URLS=https://10.0.0.31:2379
ETCD_INITIAL_ADVERTISE_PEER_URLS=https://10.0.0.31:2380
ETCD_INITIAL_CLUSTER_STATE=existing
ETCD_METRICS=basic
ETCD_LISTEN_CLIENT_URLS=https://10.0.0.31:2379,https://127.0.0.1:2379
ETCD_INITIAL_CLUSTER_TOKEN=k8s_etcd
ETCD_LISTEN_PEER_URLS=https://10.0.0.31:2380
ETCD_NAME="etcd1"
ETCD_PROXY=off
ETCD_INITIAL_CLUSTER=etcd1=https://10.0.0.31:2380
# TLS settings
ETCD_TRUSTED_CA_FILE=/etc/ssl/etcd/ssl/ca.pem
ETCD_CERT_FILE=/etc/ssl/etcd/ssl/member-node1.pem
ETCD_KEY_FILE=/etc/ssl/etcd/ssl/member-node1-key.pem
ETCD_CLIENT_CERT_AUTH=true
# CLI settings
ETCDCTL_ENDPOINTS=https://127.0.0.1:2379
ETCDCTL_CACERT=/etc/ssl/etcd/ssl/ca.pem
`

func TestKubespray(t *testing.T) {
	got, err := kubeadm.Read(files(map[string]string{"etc/etcd.env": kubesprayEnv, "etc/hostname": "node1\n"}), kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(`name etcd1 <- ENV ETCD_NAME
peer https://10.0.0.31:2380 <- ENV ETCD_INITIAL_ADVERTISE_PEER_URLS
cluster etcd1=https://10.0.0.31:2380 <- ENV ETCD_INITIAL_CLUSTER
data /var/lib/etcd <- ENV ETCD_DATA_DIR
endpoint https://127.0.0.1:2379 <- ENV ETCD_LISTEN_CLIENT_URLS
client https://10.0.0.31:2379 <- ENV ETCD_ADVERTISE_CLIENT_URLS
ca /etc/ssl/etcd/ssl/ca.pem <- etc/ssl/etcd/ssl: ca.pem (kubespray puts it there)
cert /etc/ssl/etcd/ssl/admin-node1.pem <- etc/ssl/etcd/ssl: admin-node1.pem (kubespray puts it there)
key /etc/ssl/etcd/ssl/admin-node1-key.pem <- etc/ssl/etcd/ssl: admin-node1-key.pem (kubespray puts it there)
ca /etc/ssl/etcd/ssl/ca.pem <- ENV ETCD_TRUSTED_CA_FILE
cert /etc/ssl/etcd/ssl/member-node1.pem <- ENV ETCD_CERT_FILE
key /etc/ssl/etcd/ssl/member-node1-key.pem <- ENV ETCD_KEY_FILE
`, "ENV", "etc/etcd.env:")
	if text := withoutBeside(describe(got.Etcd)); text != want || got.Distribution != "kubespray" {
		t.Errorf("%s, got:\n%s\nwant:\n%s", got.Distribution, text, want)
	}
	if !slices.Contains(got.Files, "etc/etcd.env") {
		t.Errorf("files %q lack etc/etcd.env", got.Files)
	}
	// Without the host's name there is still the member's own pair.
	got, err = kubeadm.Read(files(map[string]string{"etc/etcd.env": kubesprayEnv}), kubeadm.Options{})
	if err != nil || strings.Contains(describe(got.Etcd), "HOST") || !strings.Contains(describe(got.Etcd), "member-node1.pem") {
		t.Errorf("without a host name: %v, %+v", err, got)
	}
}

const kubesprayAPI = `
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver}
spec:
  containers:
  - command: [kube-apiserver, "--etcd-servers=https://127.0.0.1:2379"]
    name: kube-apiserver
`

// One file that can't be read does not take all pods away.
func TestKubesprayWithABrokenManifest(t *testing.T) {
	root := files(map[string]string{"etc/etcd.env": kubesprayEnv, manifestDir + "/a.yaml": kubesprayAPI})
	if got, err := kubeadm.Read(root, kubeadm.Options{}); err != nil || got.APIServer == nil {
		t.Fatalf("%v, %+v", err, got)
	}
	root[manifestDir+"/z.yaml"] = &fstest.MapFile{Data: []byte("/gone"), Mode: fs.ModeSymlink}
	if got, err := kubeadm.Read(root, kubeadm.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, %+v", err, got)
	}
}

// rke2 writes the configuration before it starts etcd's pod.
func TestRKE2WithoutItsPod(t *testing.T) {
	texts := k3sNode("var/lib/rancher/rke2/server")
	texts["var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml"] = kubesprayAPI
	got, err := kubeadm.Read(files(texts), kubeadm.Options{})
	if err != nil || got.Etcd.External || got.Etcd.Name.Value != "server-1-2a1b3c4d" {
		t.Errorf("%v, %+v", err, got)
	}
}

// What another installer has left behind is not this node's etcd.
func TestTracesOfOtherInstallers(t *testing.T) {
	for name, mark := range map[string]string{
		"k3s": "var/lib/rancher/k3s/server/db/etcd/config", "MicroK8s": "var/snap/microk8s/x", "Talos": "system/secrets/etcd/ca.crt",
	} {
		root := node(t, "v1.37", mark)
		if _, err := kubeadm.Read(root, kubeadm.Options{}); !errors.Is(err, kubeadm.ErrAmbiguous) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		got, err := kubeadm.Read(root, kubeadm.Options{ManifestDir: "/" + manifestDir})
		if err != nil || got.Distribution != "kubeadm" || got.Etcd.Name.Value != "cp-1" {
			t.Errorf("%s, and the directory of manifests given: %v, %+v", name, err, got)
		}
	}
	for _, dir := range []string{"../x", "/", "..", "."} {
		if _, err := kubeadm.Read(node(t, "v1.37"), kubeadm.Options{ManifestDir: dir}); err == nil || !strings.Contains(err.Error(), "root") {
			t.Errorf("manifests in %q: %v", dir, err)
		}
	}
}

func TestOthersAreRefused(t *testing.T) {
	for name, mark := range map[string]string{
		"k3s with SQLite":                       "var/lib/rancher/k3s/server/db/state.db",
		"k3s or rke2 with an external database": "var/lib/rancher/k3s/server/kine.sock",
		"kops":                                  manifestDir + "/etcd-manager-main.manifest",
		"OpenShift":                             manifestDir + "/etcd-pod.yaml",
		"Talos":                                 "system/secrets/etcd/ca.crt",
		"MicroK8s":                              "var/snap/microk8s/current/args/k8s-dqlite",
	} {
		_, err := kubeadm.Read(files(map[string]string{mark: ""}), kubeadm.Options{})
		var refused *kubeadm.DistributionError
		if !errors.As(err, &refused) || refused.Distribution != name || !strings.HasPrefix(mark, refused.Mark) || refused.Instead == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// GCE's manifest is JSON with a shell (cluster/gce/manifests/etcd.manifest in kubernetes/kubernetes, v1.29).
func TestShell(t *testing.T) {
	root := withCommand(t, `[/bin/sh, -c, "set -o errexit; if [ -e /usr/local/bin/migrate-if-needed.sh ]; then /usr/local/bin/migrate-if-needed.sh 1>>/var/log/etcd.log 2>&1; fi; exec /usr/local/bin/etcd --name etcd-gce --listen-client-urls http://127.0.0.1:2379 --data-dir /var/lib/etcd 1>>/var/log/etcd.log 2>&1"]`)
	got, err := kubeadm.Read(root, kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if e := got.Etcd; e.Name.Value != "etcd-gce" || e.DataDir.Value != "/var/lib/etcd" || e.Endpoints[0].Value != "http://127.0.0.1:2379" {
		t.Errorf("got:\n%s", describe(e))
	}
}

func TestExternalEtcd(t *testing.T) {
	root := node(t, "v1.37")
	delete(root, manifestDir+"/etcd.yaml")
	edit(t, root, "kube-apiserver.yaml", "--etcd-servers=https://127.0.0.1:2379", "--etcd-servers=https://10.9.0.1:2379,https://10.9.0.2:2379")
	got, err := kubeadm.Read(root, kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Warnings) > 0 {
		t.Errorf("warnings %q", got.Warnings)
	}
	want := strings.ReplaceAll(`endpoint https://10.9.0.1:2379 <- API --etcd-servers
endpoint https://10.9.0.2:2379 <- API --etcd-servers
ca /etc/kubernetes/pki/etcd/ca.crt <- API --etcd-cafile
cert /etc/kubernetes/pki/apiserver-etcd-client.crt <- API --etcd-certfile
key /etc/kubernetes/pki/apiserver-etcd-client.key <- API --etcd-keyfile
`, "API", manifestDir+"/kube-apiserver.yaml: container kube-apiserver:")
	if text := describe(got.Etcd); text != want || !got.Etcd.External {
		t.Errorf("external %v, got:\n%s\nwant:\n%s", got.Etcd.External, text, want)
	}
}

func TestAPIServer(t *testing.T) {
	root := node(t, "v1.37")
	edit(t, root, "kube-apiserver.yaml", "    - --etcd-servers=https://127.0.0.1:2379\n",
		"    - --etcd-servers=https://[127.0.0.1]:2379\n    - --etcd-servers-overrides=/events#https://127.0.0.1:4002\n    - --etcd-prefix=/k8s\n    - --encryption-provider-config=/etc/kubernetes/pki/enc.yaml\n")
	got, err := kubeadm.Read(root, kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := got.APIServer
	if a.EtcdPrefix.Value != "/k8s" || len(a.EtcdServers) != 1 || a.EtcdServers[0].Value != "https://127.0.0.1:2379" ||
		a.EncryptionConfig.Value != "/etc/kubernetes/pki/enc.yaml" || len(a.EtcdOverrides) != 1 || !strings.HasPrefix(a.Image.Value, "registry.k8s.io/kube-apiserver:") {
		t.Errorf("got %+v", a)
	}
	if len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], "/events is in another etcd") {
		t.Errorf("warnings %q", got.Warnings)
	}
	var names []string
	for _, p := range got.Programs {
		names = append(names, p.Name)
		if len(p.Files) == 0 {
			t.Errorf("%s names no files", p.Name)
		}
	}
	if want := []string{"etcd", "kube-apiserver"}; !slices.Equal(names, want) {
		t.Errorf("programs %q, want %q", names, want)
	}
}

func TestLogElsewhere(t *testing.T) {
	root := node(t, "v1.37")
	edit(t, root, "etcd.yaml", "    image:", "    - --wal-dir=/var/lib/etcd/wal\n    image:")
	got, err := kubeadm.Read(root, kubeadm.Options{})
	if err != nil || got.Etcd.WALDir.Value != "/var/lib/etcd/wal" || len(got.Warnings) > 0 {
		t.Errorf("%v, %+v, %q", err, got.Etcd.WALDir, got.Warnings)
	}
	edit(t, root, "etcd.yaml", "--wal-dir=/var/lib/etcd/wal", "--wal-dir=/wal")
	got, err = kubeadm.Read(root, kubeadm.Options{})
	if err != nil || got.Etcd.WALDir != (kubeadm.Setting{}) || len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], "--wal-dir=/wal") {
		t.Errorf("on no volume: %v, %+v", err, got)
	}
}

func TestStaticPodPath(t *testing.T) {
	moved := func() fstest.MapFS {
		root := node(t, "v1.37")
		for _, name := range []string{"etcd.yaml", "kube-apiserver.yaml"} {
			root["srv/pods/"+name] = root[manifestDir+"/"+name]
			delete(root, manifestDir+"/"+name)
		}
		return root
	}
	root := moved()
	root["var/lib/kubelet/config.yaml"] = &fstest.MapFile{Data: []byte("kind: KubeletConfiguration\nstaticPodPath: /srv/pods/\n")}
	for name, got := range map[string]func() (*kubeadm.Node, error){
		"kubelet's": func() (*kubeadm.Node, error) { return kubeadm.Read(root, kubeadm.Options{}) },
		"given":     func() (*kubeadm.Node, error) { return kubeadm.Read(moved(), kubeadm.Options{ManifestDir: "/srv/pods"}) },
	} {
		n, err := got()
		if err != nil || n.Etcd.Name.Value != "cp-1" || !slices.Contains(n.Files, "srv/pods") {
			t.Errorf("%s: %v, %+v", name, err, n)
		}
	}
}

// An etcd whose manifest was moved away is not one elsewhere, as far as anybody can tell.
func TestExternalEtcdOnThisNode(t *testing.T) {
	root := node(t, "v1.37")
	delete(root, manifestDir+"/etcd.yaml")
	got, err := kubeadm.Read(root, kubeadm.Options{})
	if err != nil || len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], "this node") {
		t.Errorf("%v, %+v", err, got)
	}
}

// An etcd that kube-apiserver does not use is not the cluster's.
func TestEtcdThatNobodyUses(t *testing.T) {
	for servers, c := range map[string]struct {
		refused bool
		warned  int
	}{
		"https://localhost:2379":                        {},
		"https://[::1]:2379":                            {},
		"https://10.9.9.9:2379,https://10.0.0.11:2379/": {},
		"https://10.9.9.9:2379":                         {refused: true},
		"https://127.0.0.1:2399":                        {refused: true},
		"https://cp-1.example.org:2379":                 {warned: 1},
	} {
		root := node(t, "v1.37")
		edit(t, root, "kube-apiserver.yaml", "--etcd-servers=https://127.0.0.1:2379", "--etcd-servers="+servers)
		got, err := kubeadm.Read(root, kubeadm.Options{})
		if c.refused {
			if !errors.Is(err, kubeadm.ErrAmbiguous) || !strings.Contains(err.Error(), "etcd.yaml") {
				t.Errorf("%s: %v", servers, err)
			}
			continue
		}
		if err != nil || len(got.Warnings) != c.warned {
			t.Errorf("%s: %v, %+v", servers, err, got)
		}
	}
}

// What kube-apiserver adds up, and calls by other names.
func TestAPIServerFlags(t *testing.T) {
	root := node(t, "v1.37")
	edit(t, root, "kube-apiserver.yaml", "    - --etcd-servers=https://127.0.0.1:2379\n", `    - --etcd_servers=https://10.0.0.11:2379
    - --etcd-servers=https://10.9.9.8:2379
    - --etcd-servers-overrides=/events#http://a:1
    - --etcd-servers-overrides=/leases#http://b:1
    - --experimental_encryption-provider-config=/etc/kubernetes/pki/enc.yaml
`)
	got, err := kubeadm.Read(root, kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := got.APIServer
	if len(a.EtcdServers) != 2 || len(a.EtcdOverrides) != 2 || len(got.Warnings) != 2 || a.EncryptionConfig.Value != "/etc/kubernetes/pki/enc.yaml" {
		t.Errorf("got %+v, %q", a, got.Warnings)
	}
	second := strings.Replace(string(root[manifestDir+"/kube-apiserver.yaml"].Data), "  name: kube-apiserver\n  namespace", "  name: other\n  namespace", 1)
	root[manifestDir+"/other.yaml"] = &fstest.MapFile{Data: []byte(second)}
	if _, err := kubeadm.Read(root, kubeadm.Options{}); !errors.Is(err, kubeadm.ErrAmbiguous) || !strings.Contains(err.Error(), "other.yaml") {
		t.Errorf("two of them: %v", err)
	}
}

// Flags that say nothing, or no more: as etcd takes them.
func TestFlagsThatDoNotCount(t *testing.T) {
	root := node(t, "v1.37")
	edit(t, root, "etcd.yaml", "    - --cert-file=", "    - --config-file=\n    - --wal-dir=\n    - --cert-file=/old/a.crt\n    - --cert-file=")
	edit(t, root, "etcd.yaml", "    image:", "    env: [{name: ETCD_WAL_DIR, value: /wal}]\n    image:")
	got, err := kubeadm.Read(root, kubeadm.Options{})
	if err != nil || got.Etcd.WALDir != (kubeadm.Setting{}) || len(got.Warnings) > 0 {
		t.Errorf("%v, %+v", err, got)
	}
}

func TestVersionOfATag(t *testing.T) {
	for image, want := range map[string]string{
		"registry.k8s.io/etcd:3.5.15-0": "3.5.15", "x/etcd:v3.5.21-k3s1-build20250411": "3.5.21", "localhost:5000/etcd:3.6.1": "3.6.1",
		"etcd:3.6.0-rc.1": "", "etcd:latest": "", "localhost:5000/etcd": "", "etcd@sha256:abc": "", "etcd:3.6.1@sha256:abc": "3.6.1",
	} {
		root := node(t, "v1.37")
		edit(t, root, "etcd.yaml", "image: registry.k8s.io/etcd:3.7.0-0", "image: "+image)
		got, err := kubeadm.Read(root, kubeadm.Options{})
		if err != nil || got.Etcd.Version.Value != want {
			t.Errorf("%s: %v, %+v", image, err, got.Etcd.Version)
		}
	}
}
