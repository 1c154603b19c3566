package tree

import (
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
)

func TestPath(t *testing.T) {
	long := strings.Repeat("long.", 50) + "end" // 253 bytes, the longest name of most kinds
	for _, c := range []struct {
		key  manifests.Key
		want string
	}{
		{
			manifests.Key{Group: "apps", Resource: "deployments", Namespace: "shop", Name: "web"},
			"namespaces/shop/deployments.apps/web.yaml",
		},
		{
			manifests.Key{Resource: "configmaps", Namespace: "shop", Name: "kube-root-ca.crt"},
			"namespaces/shop/configmaps/kube-root-ca.crt.yaml",
		},
		{manifests.Key{Resource: "namespaces", Name: "shop"}, "cluster/namespaces/shop.yaml"},
		{
			manifests.Key{Group: "rbac.authorization.k8s.io", Resource: "clusterroles", Name: "My Role:*?<x>"},
			"cluster/clusterroles.rbac.authorization.k8s.io/%4dy%20%52ole%3a%2a%3f%3cx%3e.yaml",
		},
		{
			manifests.Key{Group: "rbac.authorization.k8s.io", Resource: "clusterroles", Name: "my role:*?<x>"},
			"cluster/clusterroles.rbac.authorization.k8s.io/my%20role%3a%2a%3f%3cx%3e.yaml",
		},
		{manifests.Key{Resource: "r", Name: "caf\u00e9"}, "cluster/r/caf%c3%a9.yaml"},
		{manifests.Key{Resource: "r", Name: "cafe\u0301"}, "cluster/r/cafe%cc%81.yaml"},
		{manifests.Key{Resource: "r", Name: "aux"}, "cluster/r/%61ux.yaml"},
		{manifests.Key{Resource: "r", Name: "com7.log"}, "cluster/r/%63om7.log.yaml"},
		{manifests.Key{Resource: "con", Group: "x.io", Namespace: "nul", Name: "x"}, "namespaces/%6eul/%63on.x.io/x.yaml"},
		{manifests.Key{Resource: "r", Name: "..", Namespace: ".git"}, "namespaces/%2egit/r/%2e%2e.yaml"},
		{manifests.Key{Resource: "r", Name: "x. ", Namespace: "x."}, "namespaces/x%2e/r/x.%20.yaml"},
		{manifests.Key{Resource: "r", Name: "git~1"}, "cluster/r/git%7e1.yaml"},
		{manifests.Key{Resource: "a.b", Group: "c", Name: "x"}, "cluster/a%2eb.c/x.yaml"},
		{manifests.Key{Resource: "a", Group: "b.c", Name: "x"}, "cluster/a.b.c/x.yaml"},
		{manifests.Key{Resource: "r", Name: "../../etc/passwd"}, "cluster/r/%2e.%2f..%2fetc%2fpasswd.yaml"},
		{
			manifests.Key{Resource: "r", Name: long},
			"cluster/r/" + long[:150] + "%-9c2a6e48783d0bb090705bf473427ec9a804a800856578a0cdaf012f56aa684f.yaml",
		},
	} {
		if got := Path(c.key); got != c.want {
			t.Errorf("%v is at %s, want %s", c.key, got, c.want)
		}
	}
}

// unescape is the way back, for all but names that were cut.
func unescape(t *testing.T, part string) string {
	var b []byte
	for i := 0; i < len(part); i++ {
		if part[i] != '%' {
			b = append(b, part[i])
			continue
		}
		raw, err := hex.DecodeString(part[i+1 : i+3])
		if err != nil {
			t.Fatalf("%q: %v", part, err)
		}
		b = append(b, raw...)
		i += 2
	}
	return string(b)
}

// keyOf reads a path. A long name is only told by its digest.
func keyOf(t *testing.T, p string) (k manifests.Key, ok bool) {
	parts := strings.Split(p, "/")
	if parts[0] == "namespaces" {
		k.Namespace = unescapeOrCut(t, parts[1], &ok)
		parts = parts[1:]
	} else {
		ok = true
	}
	resource, group, _ := strings.Cut(parts[1], ".")
	good := true
	k.Resource, k.Group = unescapeOrCut(t, resource, &good), unescapeOrCut(t, group, &good)
	ok = ok && good
	k.Name = unescapeOrCut(t, strings.TrimSuffix(parts[2], ".yaml"), &good)
	return k, ok && good
}

func unescapeOrCut(t *testing.T, part string, ok *bool) string {
	if *ok = !strings.Contains(part, "%-"); !*ok {
		return ""
	}
	return unescape(t, part)
}

func FuzzPath(f *testing.F) {
	seeds := []manifests.Key{
		{Group: "apps", Resource: "deployments", Namespace: "shop", Name: "web"},
		{Resource: "r", Name: "My Role:*?<x>"},
		{Resource: "r", Name: "my role:*?<x>"},
		{Resource: "con", Name: strings.Repeat("A", 300)},
		{Resource: "r", Name: strings.Repeat("A", 301)},
		{Resource: "r", Name: "%-" + strings.Repeat("0", 64)},
		{Resource: "a.b", Group: ".", Namespace: ".", Name: "."},
	}
	if len(seeds) == 0 {
		f.Fatal("seed corpus is empty")
	}
	for _, a := range seeds {
		for _, b := range seeds {
			f.Add(a.Group, a.Resource, a.Namespace, a.Name, b.Group, b.Resource, b.Namespace, b.Name)
		}
	}
	f.Fuzz(func(t *testing.T, g1, r1, ns1, n1, g2, r2, ns2, n2 string) {
		a := manifests.Key{Group: g1, Resource: r1, Namespace: ns1, Name: n1}
		b := manifests.Key{Group: g2, Resource: r2, Namespace: ns2, Name: n2}
		if r1 == "" || n1 == "" || r2 == "" || n2 == "" {
			return
		}
		p, q := Path(a), Path(b)
		if p == q != (a == b) {
			t.Errorf("%#v is at %s, and %#v at %s", a, p, b, q)
		}
		for _, one := range []string{p, q} {
			if !filepath.IsLocal(filepath.FromSlash(one)) || !isPath(one) || !isPath(one+".age") || strings.ToLower(one) != one {
				t.Errorf("%q is no sound path", one)
			}
		}
		if k, ok := keyOf(t, p); ok && k != a {
			t.Errorf("%#v is at %s, which reads as %#v", a, p, k)
		}
	})
}

func TestIsPath(t *testing.T) {
	for _, p := range []string{
		"", "cluster", "cluster/r", "cluster/r/x", "cluster/r/x.yml", "cluster/r/n/x.yaml", "namespaces/r/x.yaml",
		"cluster/r/../x.yaml", "../cluster/r/x.yaml", "cluster/../../x.yaml", "/cluster/r/x.yaml", "cluster//x.yaml",
		"cluster/R/x.yaml", "cluster/r/X.yaml", "cluster/.git/x.yaml", "namespaces/../cluster/x.yaml", "cluster/r/x\x00.yaml",
		`cluster/r/a\b.yaml`, "cluster/aux/x.yaml", "cluster/r./x.yaml",
		"index.json", ".clustersnap/state.json", "other/r/x.yaml", "cluster/r/" + strings.Repeat("x", 255) + ".yaml",
	} {
		if isPath(p) {
			t.Errorf("%q counts as a path", p)
		}
	}
}
