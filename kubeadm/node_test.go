package kubeadm_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/clustersnap/clustersnap/kubeadm"
)

const manifestDir = "etc/kubernetes/manifests"

// node is a node with the manifests of testdata/shape and empty files.
func node(t *testing.T, shape string, files ...string) fstest.MapFS {
	t.Helper()
	root := fstest.MapFS{}
	manifests := os.DirFS(path.Join("testdata", shape))
	names, err := fs.Glob(manifests, "*")
	if err != nil || len(names) == 0 {
		t.Fatalf("manifests of %s: %v, %v", shape, names, err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(manifests, name)
		if err != nil {
			t.Fatal(err)
		}
		root[path.Join(manifestDir, name)] = &fstest.MapFile{Data: data, Mode: 0o600}
	}
	for _, name := range files {
		root[name] = &fstest.MapFile{Mode: 0o600}
	}
	return root
}

// describe renders every value with its source, a line each.
func describe(etcd kubeadm.Etcd) string {
	var text strings.Builder
	line := func(name string, s kubeadm.Setting) {
		if s != (kubeadm.Setting{}) {
			text.WriteString(name + " " + s.Value + " <- " + s.Source.String() + "\n")
		}
	}
	line("name", etcd.Name)
	for _, peer := range etcd.PeerURLs {
		line("peer", peer)
	}
	line("cluster", etcd.InitialCluster)
	line("data", etcd.DataDir)
	line("wal", etcd.WALDir)
	line("quota", etcd.Quota)
	for _, endpoint := range etcd.Endpoints {
		line("endpoint", endpoint)
	}
	for _, url := range etcd.ClientURLs {
		line("client", url)
	}
	for _, c := range etcd.Credentials {
		line("ca", c.CA)
		line("cert", c.Cert)
		line("key", c.Key)
	}
	line("image", etcd.Image)
	line("version", etcd.Version)
	return text.String()
}

const (
	healthcheckCert = "etc/kubernetes/pki/etcd/healthcheck-client.crt"
	healthcheckKey  = "etc/kubernetes/pki/etcd/healthcheck-client.key"
)

// pairs are what the credentials of kubeadm's nodes have in common.
var pairs = strings.NewReplacer(
	"[tools and kube-apiserver]\n", `ca /etc/kubernetes/pki/etcd/ca.crt <- ETCD --trusted-ca-file
cert /etc/kubernetes/pki/etcd/healthcheck-client.crt <- ETCD --cert-file (healthcheck-client beside it)
key /etc/kubernetes/pki/etcd/healthcheck-client.key <- ETCD --cert-file (healthcheck-client beside it)
ca /etc/kubernetes/pki/etcd/ca.crt <- API --etcd-cafile
cert /etc/kubernetes/pki/apiserver-etcd-client.crt <- API --etcd-certfile
key /etc/kubernetes/pki/apiserver-etcd-client.key <- API --etcd-keyfile
`,
	"[peer and server]\n", `ca /etc/kubernetes/pki/etcd/ca.crt <- ETCD --trusted-ca-file
cert /etc/kubernetes/pki/etcd/peer.crt <- ETCD --peer-cert-file
key /etc/kubernetes/pki/etcd/peer.key <- ETCD --peer-key-file
ca /etc/kubernetes/pki/etcd/ca.crt <- ETCD --trusted-ca-file
cert /etc/kubernetes/pki/etcd/server.crt <- ETCD --cert-file
key /etc/kubernetes/pki/etcd/server.key <- ETCD --key-file
`,
	"[probe]\n", `ca /etc/kubernetes/pki/etcd/ca.crt <- ETCD livenessProbe --cacert
cert /etc/kubernetes/pki/etcd/healthcheck-client.crt <- ETCD livenessProbe --cert
key /etc/kubernetes/pki/etcd/healthcheck-client.key <- ETCD livenessProbe --key
`)

func TestReadShapes(t *testing.T) {
	for _, tt := range []struct {
		name, shape string
		want        string
	}{
		{"kubeadm 1.11, loopback only", "v1.11", `
name master-0 <- ETCD --name
peer https://127.0.0.1:2380 <- ETCD --initial-advertise-peer-urls
cluster master-0=https://127.0.0.1:2380 <- ETCD --initial-cluster
data /var/lib/etcd <- ETCD --data-dir
endpoint https://127.0.0.1:2379 <- ETCD --listen-client-urls
client https://127.0.0.1:2379 <- ETCD --advertise-client-urls
[probe]
[peer and server]
image k8s.gcr.io/etcd-amd64:3.2.18 <- ETCD image
version 3.2.18 <- ETCD image (from its tag)
`},
		{"kind", "kind", `
name kind-control-plane <- ETCD --name
peer https://172.18.0.2:2380 <- ETCD --initial-advertise-peer-urls
cluster kind-control-plane=https://172.18.0.2:2380 <- ETCD --initial-cluster
data /var/lib/etcd <- ETCD --data-dir
endpoint https://127.0.0.1:2379 <- ETCD --listen-client-urls
client https://172.18.0.2:2379 <- ETCD --advertise-client-urls
ca /etc/kubernetes/pki/etcd/ca.crt <- ETCD --trusted-ca-file
cert /etc/kubernetes/pki/etcd/healthcheck-client.crt <- ETCD --cert-file (healthcheck-client beside it)
key /etc/kubernetes/pki/etcd/healthcheck-client.key <- ETCD --cert-file (healthcheck-client beside it)
[peer and server]
image registry.k8s.io/etcd:3.5.15-0 <- ETCD image
version 3.5.15 <- ETCD image (from its tag)
`},
		{"minikube", "minikube", `
name minikube <- ETCD --name
peer https://192.168.49.2:2380 <- ETCD --initial-advertise-peer-urls
cluster minikube=https://192.168.49.2:2380 <- ETCD --initial-cluster
data /var/lib/minikube/etcd <- ETCD --data-dir
endpoint https://127.0.0.1:2379 <- ETCD --listen-client-urls
client https://192.168.49.2:2379 <- ETCD --advertise-client-urls
ca /var/lib/minikube/certs/etcd/ca.crt <- ETCD --trusted-ca-file
cert /var/lib/minikube/certs/etcd/healthcheck-client.crt <- ETCD --cert-file (healthcheck-client beside it)
key /var/lib/minikube/certs/etcd/healthcheck-client.key <- ETCD --cert-file (healthcheck-client beside it)
ca /var/lib/minikube/certs/etcd/ca.crt <- ETCD --trusted-ca-file
cert /var/lib/minikube/certs/etcd/peer.crt <- ETCD --peer-cert-file
key /var/lib/minikube/certs/etcd/peer.key <- ETCD --peer-key-file
ca /var/lib/minikube/certs/etcd/ca.crt <- ETCD --trusted-ca-file
cert /var/lib/minikube/certs/etcd/server.crt <- ETCD --cert-file
key /var/lib/minikube/certs/etcd/server.key <- ETCD --key-file
image registry.k8s.io/etcd:3.5.16-0 <- ETCD image
version 3.5.16 <- ETCD image (from its tag)
`},
		{"kubeadm 1.29", "v1.29", `
name cp-1 <- ETCD --name
peer https://10.0.0.11:2380 <- ETCD --initial-advertise-peer-urls
cluster cp-1=https://10.0.0.11:2380 <- ETCD --initial-cluster
data /var/lib/etcd <- ETCD --data-dir
endpoint https://127.0.0.1:2379 <- ETCD --listen-client-urls
client https://10.0.0.11:2379 <- ETCD --advertise-client-urls
[tools and kube-apiserver]
[peer and server]
image registry.k8s.io/etcd:3.5.16-0 <- ETCD image
version 3.5.16 <- ETCD image (from its tag)
`},
		{"kubeadm 1.31", "v1.31", `
name cp-1 <- ETCD --name
peer https://10.0.0.11:2380 <- ETCD --initial-advertise-peer-urls
cluster cp-1=https://10.0.0.11:2380 <- ETCD --initial-cluster
data /var/lib/etcd <- ETCD --data-dir
endpoint https://127.0.0.1:2379 <- ETCD --listen-client-urls
client https://10.0.0.11:2379 <- ETCD --advertise-client-urls
[tools and kube-apiserver]
[peer and server]
image registry.k8s.io/etcd:3.5.15-0 <- ETCD image
version 3.5.15 <- ETCD image (from its tag)
`},
		{"kubeadm 1.37", "v1.37", `
name cp-1 <- ETCD --name
peer https://10.0.0.11:2380 <- ETCD --initial-advertise-peer-urls
cluster cp-1=https://10.0.0.11:2380 <- ETCD --initial-cluster
data /var/lib/etcd <- ETCD --data-dir
endpoint https://127.0.0.1:2379 <- ETCD --listen-client-urls
client https://10.0.0.11:2379 <- ETCD --advertise-client-urls
[tools and kube-apiserver]
[peer and server]
image registry.k8s.io/etcd:3.7.0-0 <- ETCD image
version 3.7.0 <- ETCD image (from its tag)
`},
		{"kubeadm 1.15, IPv4 in brackets", "v1.15", `
name master-0 <- ETCD --name
peer https://192.168.0.5:2380 <- ETCD --initial-advertise-peer-urls
cluster master-0=https://192.168.0.5:2380 <- ETCD --initial-cluster
data /var/lib/etcd <- ETCD --data-dir
endpoint https://127.0.0.1:2379 <- ETCD --listen-client-urls (from https://[127.0.0.1]:2379)
client https://192.168.0.5:2379 <- ETCD --advertise-client-urls
[probe]
[peer and server]
image k8s.gcr.io/etcd:3.3.10 <- ETCD image
version 3.3.10 <- ETCD image (from its tag)
`},
		{"sidecar first, flags in every form, variables", "sidecar", `
name cp-2 <- ETCD --name
peer https://10.0.0.12:2380 <- ETCD ETCD_INITIAL_ADVERTISE_PEER_URLS
cluster cp-1=https://10.0.0.11:2380,cp-2=https://10.0.0.12:2380 <- ETCD --initial-cluster
data /var/lib/etcd <- ETCD ETCD_DATA_DIR
endpoint https://127.0.0.1:2379 <- ETCD --listen-client-urls
client https://10.0.0.12:2379 <- ETCD --advertise-client-urls
ca /etc/kubernetes/pki/etcd/ca.crt <- ETCD --trusted-ca-file
cert /etc/kubernetes/pki/etcd/healthcheck-client.crt <- ETCD --cert-file (healthcheck-client beside it)
key /etc/kubernetes/pki/etcd/healthcheck-client.key <- ETCD --cert-file (healthcheck-client beside it)
ca /etc/kubernetes/pki/etcd/ca.crt <- ETCD --trusted-ca-file
cert /etc/kubernetes/pki/etcd/server.crt <- ETCD --cert-file
key /etc/kubernetes/pki/etcd/server.key <- ETCD --key-file
image registry.k8s.io/etcd:3.6.6-0 <- ETCD image
version 3.6.6 <- ETCD image (from its tag)
`},
		{"hostPath is not mountPath, no loopback", "moved", `
name cp-3 <- ETCD --name
peer https://10.0.0.13:2380 <- ETCD --initial-advertise-peer-urls
peer https://10.1.0.13:2380 <- ETCD --initial-advertise-peer-urls
data /ssd/etcd/cluster-a/data <- ETCD --data-dir (through volume etcd-data)
endpoint https://10.0.0.13:2379 <- ETCD --advertise-client-urls
client https://10.0.0.13:2379 <- ETCD --advertise-client-urls
ca /etc/ssl/etcd/ca.pem <- ETCD --trusted-ca-file (through volume ca)
cert /etc/kubernetes/pki/etcd/healthcheck-client.crt <- ETCD --cert-file (through volume certs, healthcheck-client beside it)
key /etc/kubernetes/pki/etcd/healthcheck-client.key <- ETCD --cert-file (through volume certs, healthcheck-client beside it)
ca /etc/ssl/etcd/ca.pem <- ETCD --trusted-ca-file (through volume ca)
cert /etc/kubernetes/pki/etcd/server.crt <- ETCD --cert-file (through volume certs)
key /etc/kubernetes/pki/etcd/server.key <- ETCD --key-file (through volume certs)
image registry.k8s.io/etcd:3.5.15-0 <- ETCD image
version 3.5.15 <- ETCD image (from its tag)
`},
		{"IPv6", "ipv6", `
name cp-1 <- ETCD --name
peer https://[fd00::11]:2380 <- ETCD --initial-advertise-peer-urls
cluster cp-1=https://[fd00::11]:2380 <- ETCD --initial-cluster
data /var/lib/etcd <- ETCD --data-dir
endpoint https://[::1]:2379 <- ETCD --listen-client-urls
client https://[fd00::11]:2379 <- ETCD --advertise-client-urls
ca /etc/kubernetes/pki/etcd/ca.crt <- ETCD --trusted-ca-file
cert /etc/kubernetes/pki/etcd/healthcheck-client.crt <- ETCD --cert-file (healthcheck-client beside it)
key /etc/kubernetes/pki/etcd/healthcheck-client.key <- ETCD --cert-file (healthcheck-client beside it)
[peer and server]
image registry.k8s.io/etcd:3.6.4-0 <- ETCD image
version 3.6.4 <- ETCD image (from its tag)
`},
		{"JSON with tabs, plain HTTP, wildcard listeners", "json", `
name etcd-gce-1 <- JSON --name
peer http://10.0.0.14:2380 <- JSON --initial-advertise-peer-urls
data /mnt/master-pd/var/etcd/data <- JSON --data-dir (through volume varetcd)
endpoint http://127.0.0.1:2379 <- JSON --listen-client-urls (from http://0.0.0.0:2379)
endpoint http://[::1]:4001 <- JSON --listen-client-urls (from http://[::]:4001)
client http://127.0.0.1:2379 <- JSON --advertise-client-urls
image registry.k8s.io/etcd:3.5.21-0 <- JSON image
version 3.5.21 <- JSON image (from its tag)
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := strings.NewReplacer(
				"ETCD livenessProbe", "etc/kubernetes/manifests/etcd.yaml: container etcd: livenessProbe",
				"ETCD --", "etc/kubernetes/manifests/etcd.yaml: container etcd: --",
				"ETCD ETCD_", "etc/kubernetes/manifests/etcd.yaml: container etcd: ETCD_",
				"ETCD image", "etc/kubernetes/manifests/etcd.yaml: container etcd: image",
				"API ", "etc/kubernetes/manifests/kube-apiserver.yaml: container kube-apiserver: ",
				"JSON ", "etc/kubernetes/manifests/etcd.manifest: container etcd-container: ",
			).Replace(pairs.Replace(strings.TrimPrefix(tt.want, "\n")))
			got, err := kubeadm.Read(node(t, tt.shape), kubeadm.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if text := describe(got.Etcd); text != want {
				t.Errorf("got:\n%s\nwant:\n%s", text, want)
			}
		})
	}
}

// What a manifest leaves out has etcd's default; an empty variable is none.
func TestReadDefaults(t *testing.T) {
	root := fstest.MapFS{manifestDir + "/etcd.yaml": {Data: []byte(`
apiVersion: v1
kind: Pod
spec:
  containers:
  - command: [etcd, --data-dir=/data/]
    env: [{name: ETCD_NAME, value: ""}, {name: NAME, value: other}]
    image: etcd
    name: etcd
    volumeMounts: [{mountPath: /data, name: data}]
  volumes: [{name: data, hostPath: {path: /data}}]
`)}}
	want := strings.ReplaceAll(`name default <- ETCD --name (default)
peer http://localhost:2380 <- ETCD --initial-advertise-peer-urls (default)
data /data <- ETCD --data-dir
endpoint http://localhost:2379 <- ETCD --listen-client-urls (default)
image etcd <- ETCD image
`, "ETCD", manifestDir+"/etcd.yaml: container etcd:")
	got, err := kubeadm.Read(root, kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if text := describe(got.Etcd); text != want {
		t.Errorf("got:\n%s\nwant:\n%s", text, want)
	}
}

func TestNodeSurvivesJSON(t *testing.T) {
	for _, shape := range []string{"v1.37", "v1.15", "sidecar", "moved", "ipv6", "json"} {
		read, err := kubeadm.Read(node(t, shape), kubeadm.Options{})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(read)
		if err != nil {
			t.Fatal(err)
		}
		var back kubeadm.Node
		if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(*read, back) {
			t.Errorf("%s reads back from %s as %+v, %v", shape, text, back, err)
		}
	}
}

func TestManifestsAreThoseOfTheKubelet(t *testing.T) {
	root := node(t, "v1.37", manifestDir+"/subdir/etcd.yaml", manifestDir+"/.etcd.yaml.swp")
	root[manifestDir+"/pipe"] = &fstest.MapFile{Mode: fs.ModeNamedPipe}
	root[manifestDir+"/linked"] = &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte("../vip.yaml")}
	root["etc/kubernetes/vip.yaml"] = &fstest.MapFile{Data: []byte("{apiVersion: v1, kind: Pod}")}
	got, err := kubeadm.Read(root, kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{manifestDir + "/etcd.yaml", manifestDir + "/kube-apiserver.yaml", manifestDir + "/linked"}
	if !reflect.DeepEqual(got.Manifests, want) {
		t.Errorf("manifests %v, want %v", got.Manifests, want)
	}
}

// A kube-apiserver and files that are there anyway change nothing for an etcd
// without TLS.
func TestNoCredentialWithoutTLS(t *testing.T) {
	root := node(t, "v1.37", healthcheckCert, healthcheckKey)
	edit(t, root, "etcd.yaml", "    - --cert-file=/etc/kubernetes/pki/etcd/server.crt\n", "")
	got, err := kubeadm.Read(root, kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Etcd.Credentials) > 0 {
		t.Errorf("etcd without a certificate has a client credential:\n%s", describe(got.Etcd))
	}
}
