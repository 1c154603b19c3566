package atrest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"golang.org/x/crypto/nacl/secretbox"
)

// newKey makes a key.
func newKey(size int) []byte {
	key := make([]byte, size)
	rand.Read(key)
	return key
}

// keys is the text of a provider with keys, each a name and a secret.
func keys(kind string, pairs ...any) string {
	var list []string
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, fmt.Sprintf("{name: %q, secret: %q}", pairs[i], base64.StdEncoding.EncodeToString(pairs[i+1].([]byte))))
	}
	return fmt.Sprintf("%s: {keys: [%s]}", kind, strings.Join(list, ", "))
}

const head = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n"

// entryOf is the text of one entry: a list of resources, and providers.
func entryOf(resources string, providers ...string) string {
	return fmt.Sprintf("- resources: [%s]\n  providers:\n  - %s\n", resources, strings.Join(providers, "\n  - "))
}

func mustParse(t *testing.T, entries ...string) *Config {
	t.Helper()
	c, err := Parse([]byte(head + strings.Join(entries, "")))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var (
	secrets = Resource{Name: "secrets"}
	at      = []byte("/registry/secrets/default/s")
	object  = []byte("k8s\x00 and then some of a protobuf")
)

// seal encrypts as kube-apiserver does.
func seal(kind, name string, key, etcdKey, object []byte) []byte {
	value := []byte("k8s:enc:" + kind + ":v1:" + name + ":")
	switch kind {
	case "secretbox":
		nonce := [24]byte(newKey(24))
		return secretbox.Seal(append(value, nonce[:]...), object, &nonce, (*[32]byte)(key))
	case "aesgcm":
		block, _ := aes.NewCipher(key)
		aead, _ := cipher.NewGCM(block)
		nonce := newKey(12)
		return aead.Seal(append(value, nonce...), nonce, object, etcdKey)
	default:
		block, _ := aes.NewCipher(key)
		iv := newKey(16)
		padding := 16 - len(object)%16
		padded := append(bytes.Clone(object), bytes.Repeat([]byte{byte(padding)}, padding)...)
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(padded, padded)
		return append(append(value, iv...), padded...)
	}
}

func TestDecrypt(t *testing.T) {
	for _, c := range []struct {
		kind string
		size int
	}{{"aescbc", 16}, {"aescbc", 24}, {"aescbc", 32}, {"aesgcm", 16}, {"aesgcm", 32}, {"secretbox", 32}} {
		t.Run(fmt.Sprintf("%s %d", c.kind, c.size), func(t *testing.T) {
			old, key := newKey(c.size), newKey(c.size)
			config := mustParse(t, entryOf("secrets", keys(c.kind, "new", newKey(c.size), "k", old, "k", key), "identity: {}"))
			for _, want := range [][]byte{object, object[:16], []byte(`{"a":1}`), bytes.Repeat([]byte(`{"`), 2500)} {
				value := seal(c.kind, "k", key, at, want)
				if got, err := config.Decrypt(secrets, at, value); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes: %q, %v", len(want), got, err)
				}
			}
			value := seal(c.kind, "k", key, at, object)
			for i := len("k8s:enc:"); i < len(value); i++ {
				if got, err := config.Decrypt(secrets, at, value[:i]); !errors.Is(err, ErrWrongKey) && !errors.Is(err, ErrNoKey) {
					t.Errorf("cut at %d: %q, %v", i, got, err)
				}
			}
			// A wrong key is found out each time, also when its padding is right by chance: one in 256 without authentication.
			for range 2000 {
				if got, err := config.Decrypt(secrets, at, seal(c.kind, "k", newKey(c.size), at, object)); !errors.Is(err, ErrWrongKey) {
					t.Fatalf("wrong key: %q, %v", got, err)
				}
			}
			if _, err := config.Decrypt(secrets, at, seal(c.kind, "kk", key, at, object)); !errors.Is(err, ErrNoKey) {
				t.Errorf("other name: %v", err)
			}
			if _, err := config.Decrypt(Resource{Name: "configmaps"}, at, value); !errors.Is(err, ErrNoKey) {
				t.Errorf("other resource: %v", err)
			}
			if _, err := (*Config)(nil).Decrypt(secrets, at, value); !errors.Is(err, ErrNoKey) {
				t.Errorf("no configuration: %v", err)
			}
			_, err := config.Decrypt(secrets, []byte("/registry/secrets/default/other"), value)
			if bound := c.kind == "aesgcm"; errors.Is(err, ErrWrongKey) != bound {
				t.Errorf("moved to another place: %v", err)
			}
		})
	}
}

// Blocks without padding are no object, whatever they begin with.
func TestDecryptWithoutPadding(t *testing.T) {
	key := newKey(32)
	config := mustParse(t, entryOf("secrets", keys("aescbc", "k", key)))
	block, _ := aes.NewCipher(key)
	for _, last := range []byte{0, 3, 17, 255} {
		blocks := append([]byte(`{"`+strings.Repeat("x", 29)), last)
		cipher.NewCBCEncrypter(block, make([]byte, 16)).CryptBlocks(blocks, blocks)
		value := append(append([]byte("k8s:enc:aescbc:v1:k:"), make([]byte, 16)...), blocks...)
		if got, err := config.Decrypt(secrets, at, value); !errors.Is(err, ErrWrongKey) {
			t.Errorf("last byte %d: %q, %v", last, got, err)
		}
	}
}

func TestDecryptWithColons(t *testing.T) {
	short, long := newKey(32), newKey(32)
	config := mustParse(t, entryOf("secrets", keys("secretbox", "a", short, "a:b", long)))
	for name, key := range map[string][]byte{"a": short, "a:b": long} {
		if got, err := config.Decrypt(secrets, at, seal("secretbox", name, key, at, object)); err != nil || !bytes.Equal(got, object) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestDecryptPlain(t *testing.T) {
	box := keys("secretbox", "k", newKey(32))
	for name, c := range map[string]struct {
		config *Config
		want   error
	}{
		"no configuration": {nil, nil},
		"not configured":   {mustParse(t, entryOf("configmaps", box)), nil},
		"identity":         {mustParse(t, entryOf("secrets", box, "identity: {}")), nil},
		"in two entries":   {mustParse(t, entryOf("secrets", box), entryOf("secrets", "identity: {}")), nil},
		"no identity":      {mustParse(t, entryOf("secrets", box)), ErrNoIdentity},
	} {
		got, err := c.config.Decrypt(secrets, at, object)
		if !errors.Is(err, c.want) || !bytes.Equal(got, object) {
			t.Errorf("%s: %q, %v, want %v", name, got, err, c.want)
		}
	}
}

func TestDecryptKMS(t *testing.T) {
	config := mustParse(t, entryOf("secrets",
		"kms: {apiVersion: v2, name: vault, endpoint: unix:///kms.sock, timeout: 3s}",
		"kms: {name: 'old:one', endpoint: unix:///kms.sock, cachesize: 3}"))
	for value, want := range map[string]KMSError{
		"k8s:enc:kms:v2:vault:x":   {"v2", "vault"},
		"k8s:enc:kms:v1:old:one:x": {"v1", "old:one"},
	} {
		_, err := config.Decrypt(secrets, at, []byte(value))
		var kms *KMSError
		if !errors.As(err, &kms) || *kms != want {
			t.Errorf("%s: %v, want %v", value, err, &want)
		}
	}
	for _, value := range []string{"k8s:enc:kms:v1:vault:x", "k8s:enc:kms:v2:vaul:x", "k8s:enc:kms:v2:vault"} {
		if _, err := config.Decrypt(secrets, at, []byte(value)); !errors.Is(err, ErrNoKey) {
			t.Errorf("%s: %v", value, err)
		}
	}
}

func TestWhichResourcesAnEntryIsFor(t *testing.T) {
	all, apps, core, widgets := newKey(32), newKey(32), newKey(32), newKey(32)
	config := mustParse(t, entryOf("widgets.example.com", keys("secretbox", "k", widgets)),
		entryOf("'*.apps'", keys("secretbox", "k", apps)), entryOf("'*.'", keys("secretbox", "k", core)),
		entryOf("'*.*'", keys("secretbox", "k", all)))
	for resource, key := range map[Resource][]byte{
		{Group: "example.com", Name: "widgets"}: widgets,
		{Group: "example.com", Name: "gadgets"}: all,
		{Group: "apps", Name: "deployments"}:    apps,
		{Name: "secrets"}:                       core,
		{Group: "batch", Name: "jobs"}:          all,
	} {
		for i, other := range [][]byte{all, apps, core, widgets} {
			_, err := config.Decrypt(resource, at, seal("secretbox", "k", other, at, object))
			if want := bytes.Equal(other, key); (err == nil) != want {
				t.Errorf("%v with key %d: %v, and it should open: %t", resource, i, err, want)
			}
		}
	}
}

func TestPrefixOf(t *testing.T) {
	for value, want := range map[string]Prefix{
		"k8s:enc:aescbc:v1:key1:xx":    {"aescbc", "key1"},
		"k8s:enc:aesgcm:v1:key1:xx":    {"aesgcm", "key1"},
		"k8s:enc:secretbox:v1:k:x:y":   {"secretbox", "k"},
		"k8s:enc:kms:v1:vault:xx":      {"kms:v1", "vault"},
		"k8s:enc:kms:v2:vault:xx":      {"kms:v2", "vault"},
		"k8s:enc:aescbc:v2:key1:xx":    {},
		"k8s:enc:":                     {},
		"k8s:enc:secretbox:v1:noend":   {"secretbox", ""},
		"k8s:enc:secretbox:v1:" + long: {"secretbox", ""},
	} {
		if got, ok := PrefixOf([]byte(value)); !ok || got != want {
			t.Errorf("%s: %q, %t, want %q", value, got, ok, want)
		}
	}
	for _, value := range []string{"", "k8s\x00", "{}", "k8s:en"} {
		if _, ok := PrefixOf([]byte(value)); ok {
			t.Errorf("%q is encrypted", value)
		}
	}
}

var long = strings.Repeat("x", 300) + ":"

func TestResourceOf(t *testing.T) {
	for _, c := range []struct{ key, prefix, want string }{
		{"/registry/secrets/default/s", "/registry", "secrets"},
		{"/registry/secrets/default/s", "registry/", "secrets"},
		{"/a/b/secrets/default/s", "/a/b", "secrets"},
		{"/secrets/default/s", "/", "secrets"},
		{"/registry/minions/cp1", "/registry", "nodes"},
		{"/registry/services/specs/default/kubernetes", "/registry", "services"},
		{"/registry/services/endpoints/default/kubernetes", "/registry", "endpoints"},
		{"/registry/deployments/default/web", "/registry", "deployments.apps"},
		{"/registry/ingress/default/web", "/registry", "ingresses.networking.k8s.io"},
		{"/registry/roles/default/r", "/registry", "roles.rbac.authorization.k8s.io"},
		{"/registry/example.com/widgets/default/w", "/registry", "widgets.example.com"},
		{"/registry/apiregistration.k8s.io/apiservices/v1.", "/registry", "apiservices.apiregistration.k8s.io"},
		{"/registry/ranges/serviceips", "/registry", "serviceipallocations"},
		{"/registry/masterleases/10.0.0.1", "/registry", "apiserveripinfo"},
		{"/registry/health", "/registry", ""},
		{"/registry/example.com/widgets", "/registry", ""},
		{"/registry2/secrets/default/s", "/registry", ""},
		{"/registry/" + long[:253] + "/default/s", "/registry", long[:253]},
		{"/registry/" + long[:254] + "/default/s", "/registry", ""},
		{"/registry/a." + long[:252] + "/widgets/default/s", "/registry", ""},
		{"/registry/example.com/" + long[:254] + "/s", "/registry", ""},
		{"compact_rev_key", "/registry", ""},
	} {
		got, ok := ResourceOf([]byte(c.key), c.prefix)
		if ok != (c.want != "") || ok && got.String() != c.want {
			t.Errorf("%s below %s: %v, %t, want %s", c.key, c.prefix, got, ok, c.want)
		}
	}
}

func TestPlaceOf(t *testing.T) {
	for _, c := range []struct {
		key, resource, name string
		regular, internal   bool
	}{
		{"/registry/pods/shop/web", "pods", "shop/web", true, false},
		{"/registry/minions/cp1", "nodes", "cp1", true, false},
		{"/registry/services/specs/shop/web", "services", "shop/web", true, false},
		{"/registry/ingress/shop/web", "ingresses.networking.k8s.io", "shop/web", true, false},
		{"/registry/example.com/widgets/shop/w", "widgets.example.com", "shop/w", true, false},
		{"/registry/apiextensions.k8s.io/customresourcedefinitions/a.b", "customresourcedefinitions.apiextensions.k8s.io", "a.b",
			true, false},
		// Elsewhere than where they belong.
		{"/registry/nodes/cp1", "nodes", "cp1", false, false},
		{"/registry/services/other/shop/web", "services", "other/shop/web", false, false},
		{"/registry/ingresses/shop/web", "ingresses", "shop/web", false, false},
		{"/registry/networking.k8s.io/ingresses/shop/web", "ingresses.networking.k8s.io", "shop/web", false, false},
		{"/registry/apps/deployments/shop/web", "apps", "deployments/shop/web", false, false},
		// That nobody knows.
		{"/registry/podpresets/shop/p", "podpresets", "shop/p", false, false},
		// That have no API.
		{"/registry/masterleases/10.0.0.1", "apiserveripinfo", "10.0.0.1", true, true},
		{"/registry/peerserverleases/apiserver-x", "peerserverleases", "apiserver-x", true, true},
		{"/registry/ranges/servicenodeports", "servicenodeportallocations", "", true, true},
	} {
		p, ok := PlaceOf([]byte(c.key), "/registry")
		if !ok || p.Resource.String() != c.resource || p.Name != c.name || p.Regular != c.regular || p.Internal() != c.internal {
			t.Errorf("%s: %+v, %t", c.key, p, ok)
		}
	}
}

func TestAllHaveOnePlace(t *testing.T) {
	seen := map[Resource]bool{}
	for _, r := range All() {
		if seen[r] || !r.BuiltIn() {
			t.Errorf("%v is there twice, or not built in", r)
		}
		seen[r] = true
		p, ok := PlaceOf([]byte("/registry/"+r.Path()+"/a/b"), "/registry")
		if !ok || !p.Regular || p.Resource != r || p.Name != "a/b" || p.Internal() {
			t.Errorf("%v is at %s, which is %+v", r, r.Path(), p)
		}
	}
	if len(seen) < 60 {
		t.Errorf("%d resources", len(seen))
	}
}

func TestParseRefuses(t *testing.T) {
	key := newKey(32)
	text := base64.StdEncoding.EncodeToString(key)
	for name, c := range map[string]struct{ file, want string }{
		"nothing":       {"", "no EncryptionConfiguration"},
		"other kind":    {"apiVersion: v1\nkind: Secret\ndata: {a: " + text + "}\n", "not in the form"},
		"no resources":  {strings.TrimSuffix(head, "\n") + " []\n", "it has no resources"},
		"not YAML":      {head + "\t" + text, "not in the form"},
		"wrong type":    {head + entryOf("secrets", "aescbc: {keys: "+text+"}"), "not in the form"},
		"no base64":     {head + entryOf("secrets", "aescbc: {keys: [{name: k, secret: '"+text+"!'}]}"), "not in the form"},
		"unknown field": {head + entryOf("secrets", "rot13: {keys: ["+text+"]}"), "not in the form"},
		"no provider":   {head + entryOf("secrets", "{}"), "resources[0]: providers[0]: it is not exactly one"},
		"two at once":   {head + entryOf("secrets", "{identity: {}, "+keys("aescbc", text, key)+"}"), "it is not exactly one"},
		"short key":     {head + entryOf("secrets", keys("secretbox", text, key[:31])), "resources[0]: providers[0]: keys[0] has 31 bytes"},
		"long key":      {head + entryOf("secrets", "identity: {}", keys("aescbc", text, append(key, 1))), "providers[1]: keys[0] has 33 bytes"},
		"no key":        {head + entryOf("secrets", "aescbc: {}"), "it has no keys"},
		"no name":       {head + entryOf("secrets", keys("aesgcm", "", key)), "keys[0] has no name"},
		"no KMS name":   {head + entryOf("secrets", "kms: {endpoint: '"+text+"'}"), "the KMS has no name"},
		"KMS v3":        {head + entryOf("secrets", "kms: {apiVersion: v3, name: '"+text+"', endpoint: unix:///a}"), "neither v1 nor v2"},
		"no resource":   {head + entryOf("", "identity: {}"), "no resources or no providers"},
		"too long":      {head + strings.Repeat("#"+text+"\n", 30000), "are the most"},
	} {
		_, err := Parse([]byte(c.file))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
			continue
		}
		for _, secret := range []string{text, text[:8], string(key), string(key[:8])} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error shows a key", name)
			}
		}
	}
}

func TestConfigPrintsNoKeys(t *testing.T) {
	key := newKey(32)
	config := mustParse(t, entryOf("secrets", keys("secretbox", "k", key)))
	var out bytes.Buffer
	for _, x := range []any{config, *config, struct{ C *Config }{config}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", x)
		}
		text, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "config", x)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "config", x)
	}
	for name, form := range map[string]string{
		"raw": string(key[:8]), "base64": base64.StdEncoding.EncodeToString(key)[:8], "hex": fmt.Sprintf("%x", key[:8]),
		"numbers": strings.Trim(fmt.Sprint(key[:8]), "[]"), "Go": strings.TrimSuffix(fmt.Sprintf("%#v", key[:4]), "}")[len("[]byte{"):],
	} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the key is there (%s): %s", name, &out)
		}
	}
	if !strings.Contains(out.String(), "[redacted]") {
		t.Errorf("nothing says that something is left out: %s", &out)
	}
	held := config.entries[0].providers[0].keys[0].secret
	config.Clear()
	if !bytes.Equal(held, make([]byte, 32)) || len(config.entries) != 0 {
		t.Error("the key is still there")
	}
}
