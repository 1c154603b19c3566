package pair

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes of tokens
	_ "crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/nacl/secretbox"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// world is a node and the objects of its cluster, which belong together until a test changes one of them.
type world struct {
	t       *testing.T
	bundle  pkibundle.Bundle
	objects map[string][]byte

	ca, frontProxy *authorityPair
	saKey          *ecdsa.PrivateKey
	boxKey         []byte
}

const (
	caPath      = "etc/kubernetes/pki/ca.crt"
	frontPath   = "etc/kubernetes/pki/front-proxy-ca.crt"
	saPath      = "etc/kubernetes/pki/sa.pub"
	saKeyPath   = "etc/kubernetes/pki/sa.key"
	configPath  = "etc/kubernetes/encryption/config.yaml"
	apiPath     = "etc/kubernetes/manifests/kube-apiserver.yaml"
	etcdPath    = "etc/kubernetes/manifests/etcd.yaml"
	adminPath   = "etc/kubernetes/admin.conf"
	tokenSecret = "/registry/secrets/default/robot-token"
	rangeFlag   = "--service-cluster-ip-range=10.96.0.0/12"
	caFlag      = "--client-ca-file=/etc/kubernetes/pki/ca.crt"
)

func newWorld(t *testing.T) *world {
	w := &world{t: t, objects: map[string][]byte{}, ca: newCA(t, "kubernetes"), frontProxy: newCA(t, "front-proxy-ca"),
		saKey: newECKey(t, elliptic.P256()), boxKey: randomBytes(32)}
	w.put(caPath, role.ClusterCACert, w.ca.pem)
	w.put(frontPath, role.FrontProxyCACert, w.frontProxy.pem)
	w.put(saPath, role.ServiceAccountPK, publicPEM(t, &w.saKey.PublicKey))
	w.put(saKeyPath, role.ServiceAccount, privatePEM(t, w.saKey))
	w.put(configPath, role.Encryption, boxConfig("secrets", "key1", w.boxKey))
	w.apiServer("registry.k8s.io/kube-apiserver:v1.37.2", rangeFlag, caFlag, "--secure-port=6443")
	w.put(etcdPath, role.StaticPod, manifest("registry.k8s.io/etcd:3.7.3-0", "etcd", "--data-dir=/var/lib/etcd"))
	w.put(adminPath, role.AdminConf, []byte(adminConf("https://cluster.example:6443")))

	w.configMap("kube-public", "cluster-info", "kubeconfig", clusterInfo(w.ca.pem))
	w.configMap("kube-system", "kube-root-ca.crt", "ca.crt", string(w.ca.pem))
	w.configMap("default", "kube-root-ca.crt", "ca.crt", string(w.ca.pem))
	w.configMap("kube-system", "extension-apiserver-authentication",
		"client-ca-file", string(w.ca.pem), "requestheader-client-ca-file", string(w.frontProxy.pem))
	w.configMap("kube-system", "kubeadm-config", "ClusterConfiguration", clusterConfiguration)
	w.configMap("default", "other", "key", "value")
	w.objects[tokenSecret] = w.sealed(secret(tokenType, "token", sign(t, w.saKey)))
	w.objects["/registry/secrets/default/password"] = w.sealed(secret("Opaque", "password", "hidden"))
	w.objects["/registry/minions/cp1"] = []byte("k8s\x00 not looked at")
	w.objects["compact_rev_key"] = []byte("7")
	return w
}

const clusterConfiguration = `apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
apiServer: {}
certificatesDir: /etc/kubernetes/pki
controlPlaneEndpoint: Cluster.example
etcd:
  local:
    dataDir: /var/lib/etcd
kubernetesVersion: v1.37.2
networking:
  dnsDomain: cluster.local
  serviceSubnet: 10.96.0.0/12
`

// results runs the pairing over the objects in the order of their keys.
func (w *world) results() []Result {
	return With(&w.bundle, func(yield func(key, value []byte) bool) {
		for _, key := range slices.Sorted(maps.Keys(w.objects)) {
			// In memory of its own that is used again, as a reader of snapshots may do.
			k, v := []byte(key), bytes.Clone(w.objects[key])
			if !yield(k, v) {
				return
			}
			clear(k)
			clear(v)
		}
	})
}

// put adds a file, or puts another in its place.
func (w *world) put(path, role string, data []byte) {
	w.drop(path)
	w.bundle.Files = append(w.bundle.Files, pkibundle.File{Path: path, Role: role, Data: data})
}

func (w *world) drop(path string) {
	w.bundle.Files = slices.DeleteFunc(w.bundle.Files, func(f pkibundle.File) bool { return f.Path == path })
}

// apiServer has the node run kube-apiserver from an image, with flags.
func (w *world) apiServer(image string, flags ...string) {
	w.put(apiPath, role.StaticPod, manifest(image, append([]string{"kube-apiserver"}, flags...)...))
}

func (w *world) configMap(namespace, name string, pairs ...string) {
	w.objects["/registry/configmaps/"+namespace+"/"+name] = configMap(pairs...)
}

// sealed is an object as it stands in etcd under the encryption configuration.
func (w *world) sealed(object []byte) []byte { return box("key1", w.boxKey, object) }

func box(name string, key, object []byte) []byte {
	nonce := [24]byte(randomBytes(24))
	return secretbox.Seal(append([]byte("k8s:enc:secretbox:v1:"+name+":"), nonce[:]...), object, &nonce, (*[32]byte)(key))
}

func boxConfig(resources, name string, key []byte) []byte {
	return fmt.Appendf(nil, `apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [%s]
  providers:
  - secretbox: {keys: [{name: %s, secret: %s}]}
  - identity: {}
`, resources, name, base64.StdEncoding.EncodeToString(key))
}

func manifest(image string, command ...string) []byte {
	return fmt.Appendf(nil, "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: %s\n    command: [%s]\n",
		image, strings.Join(command, ", "))
}

func adminConf(server string) string {
	return "kind: Config\ncurrent-context: a\ncontexts:\n- {name: a, context: {cluster: c, user: u}}\n" +
		"clusters:\n- {name: c, cluster: {server: '" + server + "'}}\n"
}

func clusterInfo(ca []byte) string {
	return "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    certificate-authority-data: " +
		base64.StdEncoding.EncodeToString(ca) + "\n    server: https://cluster.example:6443\n  name: \"\"\ncontexts: null\ncurrent-context: \"\"\n"
}

// Objects in protobuf, as kube-apiserver writes them.

func message(fields ...any) []byte {
	var b []byte
	for i := 0; i < len(fields); i += 2 {
		b = protowire.AppendTag(b, protowire.Number(fields[i].(int)), protowire.BytesType)
		switch v := fields[i+1].(type) {
		case string:
			b = protowire.AppendString(b, v)
		case []byte:
			b = protowire.AppendBytes(b, v)
		}
	}
	return b
}

func stock(kind string, raw []byte) []byte {
	return append([]byte("k8s\x00"), message(1, message(1, "v1", 2, kind), 2, raw, 3, "", 4, "")...)
}

func configMap(pairs ...string) []byte {
	raw := message(1, message(1, "name"))
	for i := 0; i < len(pairs); i += 2 {
		raw = append(raw, message(2, message(1, pairs[i], 2, pairs[i+1]))...)
	}
	return stock("ConfigMap", raw)
}

func secret(kind string, pairs ...string) []byte {
	raw := message(1, message(1, "name"))
	for i := 0; i < len(pairs); i += 2 {
		raw = append(raw, message(2, message(1, pairs[i], 2, pairs[i+1]))...)
	}
	return stock("Secret", append(raw, message(3, kind)...))
}

func asJSON(t *testing.T, object any) []byte {
	t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// Keys, certificates and tokens.

type authorityPair struct {
	key *ecdsa.PrivateKey
	pem []byte
}

func newCA(t *testing.T, name string) *authorityPair {
	key := newECKey(t, elliptic.P256())
	return &authorityPair{key, certify(t, name, key)}
}

// certify makes a certificate of a CA, another one each time.
func certify(t *testing.T, name string, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Unix(1e9, 0), NotAfter: time.Unix(4e9, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func newECKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func publicPEM(t *testing.T, key crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func privatePEM(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// sign makes a token of a service account.
func sign(t *testing.T, key crypto.Signer) string {
	t.Helper()
	algorithm := "RS256"
	if ec, ok := key.(*ecdsa.PrivateKey); ok {
		algorithm = map[string]string{"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}[ec.Params().Name]
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode(fmt.Appendf(nil, `{"alg":%q,"kid":"x"}`, algorithm)) + "." + encode([]byte(`{"iss":"kubernetes/serviceaccount"}`))
	return text + "." + encode(signature(t, key, algorithm, []byte(text)))
}

func signature(t *testing.T, key crypto.Signer, algorithm string, text []byte) []byte {
	t.Helper()
	hash := map[string]crypto.Hash{"RS256": crypto.SHA256, "ES256": crypto.SHA256, "ES384": crypto.SHA384, "ES512": crypto.SHA512}[algorithm]
	h := hash.New()
	h.Write(text)
	if key, ok := key.(*rsa.PrivateKey); ok {
		s, err := rsa.SignPKCS1v15(rand.Reader, key, hash, h.Sum(nil))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	ec := key.(*ecdsa.PrivateKey)
	r, s, err := ecdsa.Sign(rand.Reader, ec, h.Sum(nil))
	if err != nil {
		t.Fatal(err)
	}
	size := (ec.Params().BitSize + 7) / 8
	return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
}
