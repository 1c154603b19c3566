package pair

import (
	"crypto/elliptic"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

func TestEverythingMatches(t *testing.T) {
	want := []Subject{
		ClusterCA, ClusterCA, ClusterCA, FrontProxyCA, EncryptionConfig, ServiceAccountKey,
		ClusterConfiguration, ClusterConfiguration, ClusterConfiguration, ClusterConfiguration, ClusterConfiguration,
	}
	var subjects []Subject
	for _, r := range newWorld(t).results() {
		subjects = append(subjects, r.Subject)
		if r.State != Match || !strings.Contains(r.Why, "etc/kubernetes/") {
			t.Errorf("%+v", r)
		}
	}
	if !slices.Equal(subjects, want) {
		t.Errorf("the subjects are %q, want %q", subjects, want)
	}
}

// change is one thing that is other than in newWorld, and the results that are then no plain match: each a subject, a
// state and words of the sentence.
type change struct {
	name string
	make func(w *world)
	want []Result
}

func (c change) run(t *testing.T) {
	w := newWorld(t)
	c.make(w)
	var got []Result
	for _, r := range w.results() {
		if r.State != Match {
			got = append(got, r)
		}
	}
	if len(got) != len(c.want) {
		t.Fatalf("the results that are no match are\n%+v\nwant\n%+v", got, c.want)
	}
	for i, r := range got {
		if r.Subject != c.want[i].Subject || r.State != c.want[i].State || !strings.Contains(r.Why, c.want[i].Why) {
			t.Errorf("result %d is\n%+v\nwant\n%+v", i, r, c.want[i])
		}
	}
}

// times repeats one result.
func times(n int, r Result) []Result { return slices.Repeat([]Result{r}, n) }

func TestExchangedFiles(t *testing.T) {
	for _, c := range []change{
		{"cluster CA", func(w *world) { w.put(caPath, role.ClusterCACert, newCA(t, "kubernetes").pem) },
			times(3, Result{ClusterCA, Mismatch, caPath + ": another CA than in "})},
		{"subject of the cluster CA", func(w *world) { w.put(caPath, role.ClusterCACert, certify(t, "other", w.ca.key)) },
			times(3, Result{ClusterCA, Mismatch, caPath + ": another CA than in "})},
		{"front proxy CA", func(w *world) { w.put(frontPath, role.FrontProxyCACert, newCA(t, "front-proxy-ca").pem) },
			[]Result{{FrontProxyCA, Mismatch, frontPath + ": another CA than in requestheader-client-ca-file"}}},
		{"service account key", func(w *world) {
			w.put(saPath, role.ServiceAccountPK, publicPEM(t, &newECKey(t, elliptic.P256()).PublicKey))
		}, []Result{
			{ServiceAccountKey, Mismatch, "with " + saPath + " none of 1 token of service accounts can be verified, " +
				"such as that in Secret default/robot-token"},
			{ServiceAccountKey, Mismatch, saKeyPath + " is another key than in " + saPath},
		}},
		{"private key of service accounts", func(w *world) {
			w.put(saKeyPath, role.ServiceAccount, privatePEM(t, newECKey(t, elliptic.P256())))
		}, []Result{{ServiceAccountKey, Mismatch, saKeyPath + " is another key than in " + saPath}}},
		{"encryption key of the same name",
			func(w *world) { w.put(configPath, role.Encryption, boxConfig("secrets", "key1", randomBytes(32))) },
			[]Result{
				{EncryptionConfig, Mismatch, configPath + ` does not open 2 of 2 values of secrets encrypted with secretbox under the name "key1"`},
				{ServiceAccountKey, NotCheckable, "2 Secrets cannot be read, such as default/password: it cannot be decrypted"},
			}},
		{"name of the encryption key",
			func(w *world) { w.put(configPath, role.Encryption, boxConfig("secrets", "key2", w.boxKey)) },
			[]Result{{EncryptionConfig, Mismatch, "has no such key"}, {ServiceAccountKey, NotCheckable, "2 Secrets cannot be read"}}},
		{"resources of the encryption",
			func(w *world) { w.put(configPath, role.Encryption, boxConfig("configmaps", "key1", w.boxKey)) },
			[]Result{{EncryptionConfig, Mismatch, "has no such key"}, {ServiceAccountKey, NotCheckable, "2 Secrets cannot be read"}}},
		{"address of services", func(w *world) {
			w.apiServer("kube-apiserver:v1.37.2", "--service-cluster-ip-range=10.0.0.0/12", caFlag)
		}, []Result{{ClusterConfiguration, Mismatch, `networking.serviceSubnet in ConfigMap kube-system/kubeadm-config gives "10.96.0.0/12", and ` +
			`--service-cluster-ip-range in etc/kubernetes/manifests/kube-apiserver.yaml has "10.0.0.0/12"`}}},
		{"directory of certificates", func(w *world) {
			w.apiServer("kube-apiserver:v1.37.2", rangeFlag, "--client-ca-file=/etc/pki/ca.crt")
		}, []Result{{ClusterConfiguration, Mismatch, `certificatesDir`}}},
		{"version", func(w *world) {
			w.apiServer("registry:5000/kube-apiserver:v1.37.1@sha256:12", rangeFlag, caFlag)
		}, []Result{{ClusterConfiguration, Mismatch, `"v1.37.2", and the image in ` + apiPath + ` has "v1.37.1": one of the two is from before an upgrade`}}},
		{"image without a tag", func(w *world) {
			w.apiServer("registry:5000/kube-apiserver@sha256:12", rangeFlag, caFlag)
		}, []Result{{ClusterConfiguration, NotCheckable, `no manifest of kube-apiserver with a tag`}}},
		{"data directory", func(w *world) { w.put(etcdPath, role.StaticPod, manifest("etcd", "etcd", "--data-dir=/data")) },
			[]Result{{ClusterConfiguration, Mismatch, `etcd.local.dataDir`}}},
		{"admin.conf", func(w *world) { w.put(adminPath, role.AdminConf, []byte(adminConf("https://10.0.0.1:6443"))) },
			[]Result{{ClusterConfiguration, Mismatch, `gives "cluster.example:6443", and the server of ` + adminPath + ` has "10.0.0.1:6443"`}}},
		{"port in admin.conf",
			func(w *world) { w.put(adminPath, role.AdminConf, []byte(adminConf("https://cluster.example:8443"))) },
			[]Result{{ClusterConfiguration, Mismatch, `controlPlaneEndpoint`}}},
	} {
		t.Run(c.name, c.run)
	}
}

func TestLostFiles(t *testing.T) {
	for _, c := range []change{
		{"cluster CA",
			func(w *world) { w.drop(caPath) },
			times(3, Result{ClusterCA, NotCheckable, "the bundle has no certificate of the cluster CA"})},
		{"broken CA", func(w *world) { w.put(caPath, role.ClusterCACert, []byte("hidden")) },
			times(3, Result{ClusterCA, NotCheckable, caPath + " cannot be read"})},
		{"only a link", func(w *world) {
			w.drop(frontPath)
			w.bundle.Files = append(w.bundle.Files, pkibundle.File{Path: frontPath, Role: role.FrontProxyCACert, Link: "x"})
		}, []Result{{FrontProxyCA, NotCheckable, "the bundle has no certificate of the CA of the front proxy"}}},
		{"sa.pub",
			func(w *world) { w.drop(saPath); w.drop(saKeyPath) },
			[]Result{{ServiceAccountKey, NotCheckable, "the bundle has no public key"}}},
		{"broken sa.key", func(w *world) { w.put(saKeyPath, role.ServiceAccount, []byte("hidden")) },
			[]Result{{ServiceAccountKey, NotCheckable, saKeyPath + " cannot be read"}}},
		{"broken sa.pub", func(w *world) { w.put(saPath, role.ServiceAccountPK, []byte("hidden")) },
			[]Result{{ServiceAccountKey, NotCheckable, saPath + " cannot be read"}}},
		{"encryption configuration", func(w *world) { w.drop(configPath) },
			[]Result{{EncryptionConfig, Mismatch, "the bundle has no encryption configuration"}, {ServiceAccountKey, NotCheckable, ""}}},
		{"broken encryption configuration", func(w *world) { w.put(configPath, role.Encryption, []byte("hidden")) },
			[]Result{{EncryptionConfig, Mismatch, configPath + " cannot be read"}, {ServiceAccountKey, NotCheckable, ""}}},
		{"manifests and admin.conf", func(w *world) { w.drop(apiPath); w.drop(etcdPath); w.drop(adminPath) },
			times(5, Result{ClusterConfiguration, NotCheckable, ", and the bundle has no "})},
	} {
		t.Run(c.name, c.run)
	}
}

func TestOtherSnapshots(t *testing.T) {
	for _, c := range []change{
		{"empty", func(w *world) { clear(w.objects) }, []Result{
			{ClusterCA, NotCheckable, `no object below "/registry/"`}, {ClusterCA, NotCheckable, `no object below`},
			{ClusterCA, NotCheckable, `no object below`}, {FrontProxyCA, NotCheckable, `no object below`},
			{EncryptionConfig, NotCheckable, `no object below`}, {ServiceAccountKey, NotCheckable, `no object below`},
			{ClusterConfiguration, NotCheckable, `no object below`},
		}},
		{"no kubeadm", func(w *world) {
			delete(w.objects, "/registry/configmaps/kube-public/cluster-info")
			delete(w.objects, "/registry/configmaps/kube-system/kubeadm-config")
		}, []Result{{ClusterCA, NotCheckable, "the snapshot has no ConfigMap kube-public/cluster-info"},
			{ClusterConfiguration, NotCheckable, "the snapshot has no ConfigMap kube-system/kubeadm-config"}}},
		{"no controllers", func(w *world) {
			for _, namespace := range []string{"default", "kube-system"} {
				delete(w.objects, "/registry/configmaps/"+namespace+"/kube-root-ca.crt")
			}
			delete(w.objects, "/registry/configmaps/kube-system/extension-apiserver-authentication")
		}, []Result{{ClusterCA, NotCheckable, "no ConfigMap kube-root-ca.crt"}, {ClusterCA, NotCheckable, "no ConfigMap kube-system/extension-apiserver-authentication"},
			{FrontProxyCA, NotCheckable, "no ConfigMap kube-system/extension-apiserver-authentication"}}},
		{"no token", func(w *world) { delete(w.objects, tokenSecret) },
			[]Result{{ServiceAccountKey, NotCheckable, "no Secret of the type kubernetes.io/service-account-token"}}},
		{"a token that waits to be filled", func(w *world) { w.objects[tokenSecret] = secret(tokenType) },
			[]Result{{ServiceAccountKey, NotCheckable, "no Secret of the type"}}},
		{"no client CA", func(w *world) {
			w.configMap("kube-system", "extension-apiserver-authentication", "requestheader-client-ca-file", string(w.frontProxy.pem))
		}, []Result{{ClusterCA, NotCheckable, "it has no client-ca-file"}}},
		{"CBOR", func(w *world) {
			w.objects["/registry/configmaps/kube-public/cluster-info"] = []byte("\xd9\xd9\xf7\xa0")
		}, []Result{{ClusterCA, NotCheckable, "ConfigMap kube-public/cluster-info: it is in a form that is not read here"}}},
		{"broken objects", func(w *world) {
			w.objects["/registry/configmaps/kube-public/cluster-info"] = []byte("k8s\x00\x0a\xff")
			w.configMap("kube-system", "kubeadm-config", "ClusterConfiguration", "kind: ClusterStatus")
		}, []Result{{ClusterCA, NotCheckable, "it cannot be decoded"}, {ClusterConfiguration, NotCheckable, "it is no ClusterConfiguration"}}},
		{"endless texts", func(w *world) {
			w.configMap("kube-public", "cluster-info", "kubeconfig", strings.Repeat("#", maxYAML+1))
			w.configMap("kube-system", "kubeadm-config", "ClusterConfiguration", strings.Repeat("#", maxYAML+1))
			w.configMap("kube-system", "extension-apiserver-authentication", "client-ca-file", strings.Repeat("#", maxPEM+1),
				"requestheader-client-ca-file", string(w.frontProxy.pem))
		}, []Result{{ClusterCA, NotCheckable, "are the most"}, {ClusterCA, NotCheckable, "are the most"}, {ClusterConfiguration, NotCheckable, "are the most"}}},
		{"empty fields", func(w *world) {
			w.configMap("kube-system", "kubeadm-config", "ClusterConfiguration", "kind: ClusterConfiguration")
		}, times(5, Result{ClusterConfiguration, NotCheckable, " is empty"})},
	} {
		t.Run(c.name, c.run)
	}
}

// These are matches, of which the sentences say more.
func TestMatchesThatSayMore(t *testing.T) {
	other := newCA(t, "kubernetes")
	for _, c := range []struct {
		name    string
		make    func(w *world)
		subject Subject
		want    string
	}{
		{"CA while it is exchanged", func(w *world) {
			w.put(caPath, role.ClusterCACert, append(other.pem, w.ca.pem...))
		}, ClusterCA, "ca.crt: 1 CA of its 2 in common with the 1 in ConfigMap kube-public/cluster-info"},
		{"CA of the cluster while it is exchanged", func(w *world) {
			w.configMap("kube-system", "extension-apiserver-authentication",
				"client-ca-file", string(w.ca.pem)+string(other.pem), "requestheader-client-ca-file", string(w.frontProxy.pem))
		}, ClusterCA, "ca.crt: 1 CA of its 1 in common with the 2 in client-ca-file"},
		{"renewed CA",
			func(w *world) { w.put(caPath, role.ClusterCACert, certify(t, "kubernetes", w.ca.key)) }, ClusterCA, "with the same key"},
		{"a namespace that lags behind",
			func(w *world) { w.configMap("odd", "kube-root-ca.crt", "ca.crt", string(other.pem)) }, ClusterCA,
			"and so in 2 namespaces; but in 1 it is another, such as: etc/kubernetes/pki/ca.crt: another CA than in ConfigMap odd/kube-root-ca.crt"},
		{"a namespace that cannot be read",
			func(w *world) { w.configMap("odd", "kube-root-ca.crt", "ca.crt", "nothing") }, ClusterCA,
			"and so in 2 namespaces; and 1 cannot be read, such as: ConfigMap odd/kube-root-ca.crt: it holds no certificate in PEM"},
		{"an old token", func(w *world) {
			w.objects["/registry/secrets/default/old"] = secret(tokenType, "token", sign(t, newECKey(t, elliptic.P256())))
		}, ServiceAccountKey, "1 token of service accounts can be verified, " +
			"such as that in Secret default/robot-token; but 1 more cannot, such as that in Secret default/old"},
		{"two public keys", func(w *world) {
			w.put("etc/kubernetes/pki/sa-old.pub", role.ServiceAccountPK, publicPEM(t, &newECKey(t, elliptic.P256()).PublicKey))
		}, ServiceAccountKey, "with etc/kubernetes/pki/sa.pub and etc/kubernetes/pki/sa-old.pub " +
			"1 token of service accounts can be verified, which is all"},
		{"one file for both keys", func(w *world) { w.drop(saPath) }, ServiceAccountKey, "with " + saKeyPath + " 1 token"},
		{"nothing encrypted", func(w *world) {
			w.objects[tokenSecret] = secret(tokenType, "token", sign(t, w.saKey))
			delete(w.objects, "/registry/secrets/default/password")
			w.drop(configPath)
		}, EncryptionConfig, "nothing in the snapshot is encrypted, and the bundle has no encryption configuration"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.make(w)
			found := false
			for _, r := range w.results() {
				if r.State != Match {
					t.Errorf("%+v", r)
				}
				found = found || r.Subject == c.subject && strings.Contains(r.Why, c.want)
			}
			if !found {
				t.Errorf("no result says %q: %+v", c.want, w.results())
			}
		})
	}
}

func TestEncryption(t *testing.T) {
	const deployment = "/registry/deployments/default/web"
	for _, c := range []change{
		{"one of many", func(w *world) {
			w.objects["/registry/secrets/default/x"] = box("key1", randomBytes(32), secret("Opaque"))
		},
			[]Result{{EncryptionConfig, Mismatch, `does not open 1 of 3 values of secrets encrypted with secretbox under the name "key1", such as "/registry/secrets/default/x"`}}},
		{"another resource", func(w *world) { w.objects[deployment] = box("key1", w.boxKey, stock("Deployment", nil)) },
			[]Result{{EncryptionConfig, Mismatch, "1 value of deployments.apps encrypted"}}},
		{"no identity", func(w *world) {
			w.put(configPath, role.Encryption, []byte(strings.Replace(string(boxConfig("secrets", "key1", w.boxKey)), "  - identity: {}\n", "", 1)))
			w.objects["/registry/secrets/default/x"] = secret("Opaque")
		}, []Result{{EncryptionConfig, Mismatch, "does not open 1 of 1 value of secrets, such as"}}},
		{"KMS", func(w *world) {
			text := strings.Replace(string(boxConfig("secrets", "key1", w.boxKey)), "  - identity", "  - kms: {apiVersion: v2, name: vault, endpoint: 'unix:///a'}\n  - identity", 1)
			w.put(configPath, role.Encryption, []byte(text))
			w.objects["/registry/secrets/default/x"] = []byte("k8s:enc:kms:v2:vault:xyz")
		}, []Result{{EncryptionConfig, NotCheckable, `only the KMS "vault" (v2) opens it`}}},
		{"KMS without one", func(w *world) { w.objects["/registry/secrets/default/x"] = []byte("k8s:enc:kms:v2:vault:xyz") },
			[]Result{{EncryptionConfig, Mismatch, `encrypted with kms:v2 under the name "vault"`}}},
		{"another way", func(w *world) { w.objects["/registry/secrets/default/x"] = []byte("k8s:enc:rot13:v1:key:xyz") },
			[]Result{{EncryptionConfig, NotCheckable, `encrypted in a way that is not known here, such as "/registry/secrets/default/x"`}}},
		{"keys without end", func(w *world) {
			for i := range maxGroups + 10 {
				w.objects[fmt.Sprintf("/registry/example.com/r%05d/x", i)] = []byte("k8s:enc:secretbox:v1:key1:x")
			}
		}, append(times(maxGroups, Result{EncryptionConfig, Mismatch, ".example.com"}),
			Result{EncryptionConfig, Mismatch, `12 values of the snapshot have more resources and names of keys ` +
				`than the 4096 that are told apart, and 10 are refused, such as "/registry/example.com/r04096/x"`})},
		{"nothing", func(w *world) {
			w.objects[tokenSecret] = secret(tokenType, "token", sign(t, w.saKey))
			delete(w.objects, "/registry/secrets/default/password")
		}, []Result{{EncryptionConfig, NotCheckable, "nothing in the snapshot is encrypted, so the keys in " + configPath + " cannot be tried"}}},
	} {
		t.Run(c.name, c.run)
	}
}

func TestEncryptedConfigMaps(t *testing.T) {
	w := newWorld(t)
	w.put(configPath, role.Encryption, boxConfig("'*.*'", "key1", w.boxKey))
	for key, value := range w.objects {
		if strings.HasPrefix(key, "/registry/configmaps/") {
			w.objects[key] = w.sealed(value)
		}
	}
	for _, r := range w.results() {
		if r.State != Match {
			t.Errorf("%+v", r)
		}
	}
	w.put(configPath, role.Encryption, boxConfig("'*.*'", "key1", randomBytes(32)))
	for _, r := range w.results() {
		if want := map[bool]State{true: Mismatch, false: NotCheckable}[r.Subject == EncryptionConfig]; r.State != want {
			t.Errorf("%+v, want %s", r, want)
		}
	}
}

func TestOtherPrefix(t *testing.T) {
	w := newWorld(t)
	w.apiServer("kube-apiserver:v1.37.2", "--etcd-prefix=one/two/", rangeFlag, caFlag)
	if r := w.results()[0]; r.State != NotCheckable || !strings.Contains(r.Why, `no object below "/one/two/"`) {
		t.Errorf("objects below the usual prefix: %+v", r)
	}
	moved := map[string][]byte{}
	for key, value := range w.objects {
		moved[strings.Replace(key, "/registry/", "/one/two/", 1)] = value
	}
	w.objects = moved
	for _, r := range w.results() {
		if r.State != Match {
			t.Errorf("%+v", r)
		}
	}
}

func TestObjectsInJSON(t *testing.T) {
	w := newWorld(t)
	type object = map[string]any
	token := base64.StdEncoding.EncodeToString([]byte(sign(t, w.saKey)))
	w.objects[tokenSecret] = w.sealed(asJSON(t, object{"apiVersion": "v1", "kind": "Secret", "type": tokenType, "data": object{"token": token, "ca.crt": "AA=="}}))
	w.objects["/registry/configmaps/kube-public/cluster-info"] = asJSON(t, object{
		"apiVersion": "v1", "kind": "ConfigMap", "data": object{"kubeconfig": clusterInfo(w.ca.pem)}})
	for _, r := range w.results() {
		if r.State != Match {
			t.Errorf("%+v", r)
		}
	}
}

// Nothing of what is secret is in a result, whatever fails.
func TestResultsHoldNoSecrets(t *testing.T) {
	var all strings.Builder
	w := newWorld(t)
	token := sign(t, w.saKey)
	w.objects[tokenSecret] = w.sealed(secret(tokenType, "token", token))
	say := func() { fmt.Fprintf(&all, "%+v\n", w.results()) }
	say()
	for _, broken := range [][]byte{w.boxKey, []byte(token)} {
		for _, f := range slices.Clone(w.bundle.Files) {
			w.put(f.Path, f.Role, append(append([]byte("kind: "), broken...), f.Data...))
			say()
			w.put(f.Path, f.Role, f.Data)
		}
		for key, value := range w.objects {
			w.objects[key] = append(slices.Clip(broken), value...)
			say()
			w.objects[key] = value
		}
	}
	for _, hidden := range []string{token, token[:40], string(w.boxKey), base64.StdEncoding.EncodeToString(w.boxKey), "hidden"} {
		if strings.Contains(all.String(), hidden) {
			t.Errorf("%q is in a result", hidden)
		}
	}
}
