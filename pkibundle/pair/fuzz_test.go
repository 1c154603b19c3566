package pair

import (
	"bytes"
	"crypto/elliptic"
	"testing"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// FuzzObject has one object of the snapshot be anything, and holds that nothing breaks and nothing is made up: what
// is decoded is in the value or is the text of its base64, and results have one of the states.
func FuzzObject(f *testing.F) {
	t := new(testing.T)
	ca, key, boxKey := newCA(t, "kubernetes"), newECKey(t, elliptic.P256()), bytes.Repeat([]byte("k"), 32)
	token := secret(tokenType, "token", sign(t, key))
	seeds := map[string][]byte{
		"/registry/configmaps/kube-public/cluster-info":                       configMap("kubeconfig", clusterInfo(ca.pem)),
		"/registry/configmaps/kube-system/kubeadm-config":                     configMap("ClusterConfiguration", clusterConfiguration),
		"/registry/configmaps/kube-system/extension-apiserver-authentication": configMap("client-ca-file", string(ca.pem)),
		"/registry/configmaps/default/kube-root-ca.crt":                       []byte(`{"apiVersion":"v1","kind":"ConfigMap","data":{"ca.crt":"x"}}`),
		"/registry/secrets/default/token":                                     token,
		"/registry/secrets/default/box":                                       box("key1", boxKey, token),
		"/registry/secrets/default/kms":                                       []byte("k8s:enc:kms:v2:vault:x"),
	}
	if len(seeds) == 0 {
		f.Fatal("seed corpus is empty")
	}
	for at, value := range seeds {
		f.Add(at, value)
		f.Add(at, value[:len(value)/2])
	}
	bundle := &pkibundle.Bundle{Files: []pkibundle.File{
		{Path: caPath, Role: role.ClusterCACert, Data: ca.pem},
		{Path: frontPath, Role: role.FrontProxyCACert, Data: ca.pem},
		{Path: saPath, Role: role.ServiceAccountPK, Data: publicPEM(t, &key.PublicKey)},
		{Path: configPath, Role: role.Encryption, Data: boxConfig("secrets", "key1", boxKey)},
	}}
	f.Fuzz(func(t *testing.T, at string, value []byte) {
		for _, r := range With(bundle, func(yield func(key, value []byte) bool) { yield([]byte(at), value) }) {
			if r.State != Match && r.State != Mismatch && r.State != NotCheckable || r.Why == "" {
				t.Errorf("%+v", r)
			}
		}
		for _, kind := range []string{"ConfigMap", "Secret"} {
			s, err := decode(value, nil, kind)
			if err != nil || value[0] == '{' {
				continue
			}
			for key, data := range s.data {
				if !wanted[key] || !bytes.Contains(value, data) {
					t.Errorf("%s %q: %q is not in the value", kind, key, data)
				}
			}
		}
	})
}
