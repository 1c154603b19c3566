package reissue

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/pkibundle"
)

// refused wants an error with some words, and no result.
func refused(t *testing.T, b *pkibundle.Bundle, node Node, words ...string) error {
	t.Helper()
	made, err := Leaves(b, node, now)
	if err == nil || made != nil {
		t.Fatalf("got %v and no error, want one with %q", made, words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error is %q, and lacks %q", err, w)
		}
	}
	return err
}

func TestNoCAKey(t *testing.T) {
	shared := sharedFiles(t, p256)
	for key, cannot := range map[string][]string{
		"ca.key":             {"ca.crt", "apiserver, apiserver-kubelet-client, admin.conf", "kubelet.conf", "scheduler.conf"},
		"front-proxy-ca.key": {"front-proxy-ca.crt", "front-proxy-client"},
		"etcd/ca.key":        {"etcd/ca.crt", "server, peer, healthcheck-client, apiserver-etcd-client"},
	} {
		if err := refused(t, without(shared, pki+key), plainNode(), cannot...); !errors.Is(err, ErrNoCAKey) {
			t.Errorf("%s: %v is no ErrNoCAKey", key, err)
		}
	}
	none := without(shared, pki+"ca.key", pki+"etcd/ca.key", pki+"front-proxy-ca.key")
	refused(t, none, plainNode(), "scheduler.conf", "peer", "front-proxy-client")
}

func TestBadCA(t *testing.T) {
	key := p256(t)
	other := sharedFiles(t, p256)
	for name, c := range map[string]struct {
		change func(t *testing.T, b *pkibundle.Bundle)
		words  []string
	}{
		"missing": {func(t *testing.T, b *pkibundle.Bundle) {
			*b = *without(b, pki+"front-proxy-ca.crt")
		}, []string{"front-proxy-ca-cert"}},
		"no sa.key": {func(t *testing.T, b *pkibundle.Bundle) {
			*b = *without(b, pki+"sa.key")
		}, []string{"service-account-key"}},
		"no sa.pub": {func(t *testing.T, b *pkibundle.Bundle) {
			*b = *without(b, pki+"sa.pub")
		}, []string{"service-account-pub"}},
		"expired": {func(t *testing.T, b *pkibundle.Bundle) {
			ca := caTemplate("etcd-ca")
			ca.NotAfter = now.Add(-time.Second)
			file(t, b, pki+"etcd/ca.crt").Data, file(t, b, pki+"etcd/ca.key").Data = selfSigned(t, ca, key), pkcs8(t, key)
		}, []string{"etcd/ca.crt", "2026-07-31T11:59:59Z"}},
		"of tomorrow": {func(t *testing.T, b *pkibundle.Bundle) {
			ca := caTemplate("kubernetes")
			ca.NotBefore = now.Add(24 * time.Hour)
			file(t, b, pki+"ca.crt").Data, file(t, b, pki+"ca.key").Data = selfSigned(t, ca, key), pkcs8(t, key)
		}, []string{"pki/ca.crt", "2026-08-01"}},
		"of another cluster": {func(t *testing.T, b *pkibundle.Bundle) {
			file(t, b, pki+"ca.crt").Data = file(t, other, pki+"ca.crt").Data
		}, []string{pki + "ca.key is not the key of " + pki + "ca.crt"}},
		"no CA": {func(t *testing.T, b *pkibundle.Bundle) {
			ca := caTemplate("kubernetes")
			ca.IsCA = false
			file(t, b, pki+"ca.crt").Data, file(t, b, pki+"ca.key").Data = selfSigned(t, ca, key), pkcs8(t, key)
		}, []string{"apiserver:"}},
		"may not sign": {func(t *testing.T, b *pkibundle.Bundle) {
			ca := caTemplate("kubernetes")
			ca.KeyUsage = 1
			file(t, b, pki+"ca.crt").Data, file(t, b, pki+"ca.key").Data = selfSigned(t, ca, key), pkcs8(t, key)
		}, []string{"apiserver:"}},
		"for other names": {func(t *testing.T, b *pkibundle.Bundle) {
			ca := caTemplate("kubernetes")
			ca.PermittedDNSDomains, ca.PermittedDNSDomainsCritical = []string{"example.com"}, true
			file(t, b, pki+"ca.crt").Data, file(t, b, pki+"ca.key").Data = selfSigned(t, ca, key), pkcs8(t, key)
		}, []string{"apiserver:", "not permitted"}},
		"curve without TLS": {func(t *testing.T, b *pkibundle.Bundle) {
			key := made[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
			file(t, b, pki+"ca.crt").Data, file(t, b, pki+"ca.key").Data = selfSigned(t, caTemplate("kubernetes"), key), pkcs8(t, key)
		}, []string{"P-224"}},
		"no certificate": {func(t *testing.T, b *pkibundle.Bundle) {
			file(t, b, pki+"ca.crt").Data = []byte("hello")
		}, []string{pki + "ca.crt"}},
		"no key": {func(t *testing.T, b *pkibundle.Bundle) {
			file(t, b, pki+"etcd/ca.key").Data = []byte("hello")
		}, []string{pki + "etcd/ca.key"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := sharedFiles(t, p256)
			c.change(t, b)
			refused(t, b, plainNode(), c.words...)
		})
	}
}

func TestErrorsShowNoKeys(t *testing.T) {
	b := sharedFiles(t, p256)
	f := file(t, b, pki+"ca.key")
	f.Data = bytes.Replace(f.Data, []byte("PRIVATE"), []byte("RSA PRIVATE"), 2) // so that it cannot be parsed
	err := refused(t, b, plainNode())
	for line := range strings.Lines(string(f.Data)) {
		if text := strings.TrimSpace(line); text[0] != '-' && strings.Contains(err.Error(), text[:8]) {
			t.Errorf("the error shows a key: %v", err)
		}
	}
}

// A leaf is held within its CA's time, and no further.
func TestLifetimeWithinCA(t *testing.T) {
	key, shared := p256(t), sharedFiles(t, p256)
	ca := caTemplate("kubernetes")
	ca.NotBefore, ca.NotAfter = now.Add(-time.Minute), now.Add(24*time.Hour)
	file(t, shared, pki+"ca.crt").Data, file(t, shared, pki+"ca.key").Data = selfSigned(t, ca, key), pkcs8(t, key)
	b := reissued(t, shared, plainNode())
	for _, path := range []string{pki + "apiserver.crt", "etc/kubernetes/admin.conf"} {
		if c := certAt(t, b, path); !c.NotBefore.Equal(ca.NotBefore) || !c.NotAfter.Equal(ca.NotAfter) {
			t.Errorf("%s: from %v to %v, and its CA from %v to %v", path, c.NotBefore, c.NotAfter, ca.NotBefore, ca.NotAfter)
		}
	}
	if c := certAt(t, b, pki+"etcd/peer.crt"); !c.NotAfter.Equal(now.Add(365 * 24 * time.Hour)) {
		t.Errorf("etcd/peer.crt: until %v", c.NotAfter)
	}
}

// While a CA is exchanged, clients must trust the old and the new one, and the key says which of them signs.
func TestExchangedCA(t *testing.T) {
	oldKey, newKey, shared := p256(t), p256(t), sharedFiles(t, p256)
	oldCA, newCA := selfSigned(t, caTemplate("kubernetes"), oldKey), selfSigned(t, caTemplate("kubernetes-2"), newKey)
	both := slices.Concat([]byte("# ours\n"), oldCA, newCA)
	file(t, shared, pki+"ca.crt").Data, file(t, shared, pki+"ca.key").Data = both, pkcs8(t, newKey)
	b := reissued(t, shared, plainNode())
	if got := certAt(t, b, pki+"apiserver.crt").Issuer.CommonName; got != "kubernetes-2" {
		t.Errorf("apiserver.crt is of %s", got)
	}
	config := configAt(t, b, "etc/kubernetes/admin.conf")
	if !bytes.Equal(config.CA, slices.Concat(oldCA, newCA)) {
		t.Errorf("admin.conf trusts %s", config.CA)
	}
	// Renewed with its key: the expired one is there, too.
	expired := caTemplate("kubernetes-2")
	expired.NotAfter = now.Add(-time.Hour)
	file(t, shared, pki+"ca.crt").Data = slices.Concat(selfSigned(t, expired, newKey), newCA)
	reissued(t, shared, plainNode())
}

// A role may have more files than one: links to the same, and CAs for clients only.
func TestSeveralFilesOfARole(t *testing.T) {
	shared, other := sharedFiles(t, p256), file(t, sharedFiles(t, p256), pki+"ca.crt")
	shared.Files = slices.Insert(shared.Files, 0,
		pkibundle.File{Path: "etc/kubernetes/clients.crt", Role: "cluster-ca-cert", Data: other.Data},
		pkibundle.File{Path: "etc/kubernetes/link.crt", Role: "cluster-ca-cert", Mode: 0o777, Link: "pki/ca.crt"},
		pkibundle.File{Path: "etc/kubernetes/link.key", Role: "cluster-ca-key", Mode: 0o777, Link: "pki/ca.key"},
	)
	b := reissued(t, shared, plainNode())
	file(t, b, pki+"apiserver.crt")
	file(t, b, "etc/kubernetes/clients.crt")
	for _, f := range b.Files {
		if f.Link != "" || f.Data == nil {
			t.Errorf("there is %v", f)
		}
	}
}

func TestBadNode(t *testing.T) {
	shared := sharedFiles(t, p256)
	for name, c := range map[string]struct {
		change func(n *Node)
		word   string
	}{
		"no name":                {func(n *Node) { n.Name = "" }, `name ""`},
		"upper case":             {func(n *Node) { n.Name = "CP9" }, `name "CP9"`},
		"blank":                  {func(n *Node) { n.Name = "cp 9" }, `name "cp 9"`},
		"long":                   {func(n *Node) { n.Name = strings.Repeat("a", 254) }, "name"},
		"begins with a dash":     {func(n *Node) { n.Name = "-cp" }, `name "-cp"`},
		"ends with a dot":        {func(n *Node) { n.Name = "cp." }, `name "cp."`},
		"no address":             {func(n *Node) { n.AdvertiseAddress = netip.Addr{} }, "advertise address"},
		"unspecified address":    {func(n *Node) { n.AdvertiseAddress = netip.IPv4Unspecified() }, "0.0.0.0"},
		"loopback":               {func(n *Node) { n.AdvertiseAddress = netip.MustParseAddr("127.0.0.1") }, "127.0.0.1"},
		"multicast":              {func(n *Node) { n.AdvertiseAddress = netip.MustParseAddr("224.0.0.1") }, "224.0.0.1"},
		"zone":                   {func(n *Node) { n.AdvertiseAddress = netip.MustParseAddr("fe80::1%eth0") }, "fe80::1%eth0"},
		"no version":             {func(n *Node) { n.Version = "" }, `version ""`},
		"other version":          {func(n *Node) { n.Version = "v2.3" }, `version "v2.3"`},
		"half a version":         {func(n *Node) { n.Version = "v1" }, `version "v1"`},
		"negative version":       {func(n *Node) { n.Version = "v1.-2" }, `version "v1.-2"`},
		"endpoint as a URL":      {func(n *Node) { n.ControlPlaneEndpoint = "https://api" }, "https://api"},
		"port 0":                 {func(n *Node) { n.ControlPlaneEndpoint = "api:0" }, "api:0"},
		"port 65536":             {func(n *Node) { n.ControlPlaneEndpoint = "api:65536" }, "api:65536"},
		"no host":                {func(n *Node) { n.ControlPlaneEndpoint = ":6443" }, ":6443"},
		"one service":            {func(n *Node) { n.ServiceSubnet = netip.MustParsePrefix("10.0.0.1/32") }, "10.0.0.1/32"},
		"domain":                 {func(n *Node) { n.DNSDomain = "cluster..local" }, "cluster..local"},
		"negative validity":      {func(n *Node) { n.Validity = -time.Hour }, "validity"},
		"name for the API":       {func(n *Node) { n.APIServerNames = []string{"ok", "not ok"} }, "not ok"},
		"name for etcd":          {func(n *Node) { n.EtcdServerNames = []string{"a.*.b"} }, "a.*.b"},
		"name for peers of etcd": {func(n *Node) { n.EtcdPeerNames = []string{""} }, `further name ""`},
	} {
		t.Run(name, func(t *testing.T) {
			node := plainNode()
			c.change(&node)
			refused(t, shared, node, c.word)
		})
	}
	refused(t, shared, Node{}, "name", "address", "version")
}

func TestMappedAddress(t *testing.T) {
	node := plainNode()
	node.AdvertiseAddress = netip.MustParseAddr("::ffff:10.1.2.3")
	config := configAt(t, reissued(t, sharedFiles(t, p256), node), "etc/kubernetes/scheduler.conf")
	if config.Server != "https://10.1.2.3:6443" {
		t.Errorf("the API is at %s", config.Server)
	}
}

func TestSizeOfRSAKeys(t *testing.T) {
	for ca, want := range map[int]int{1024: 2048, 2048: 2048, 3072: 3072, 4096: 4096, 16384: 4096} {
		if got := rsaSize(ca); got != want {
			t.Errorf("for a CA of %d bits a key has %d, want %d", ca, got, want)
		}
	}
}
