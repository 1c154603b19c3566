package main

import (
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/clustersnap/clustersnap/examples/store"
)

// A shell gives back what was quoted for it.
func TestShellWord(t *testing.T) {
	for _, want := range []string{
		"s3://b/f/s.clustersnap", "file:///a b/s.clustersnap?x=1&y=2", "it's", `a"b$c`, "`id`", "(a)", "<a>|b", "#a", "~", "!a",
		"[a]{b,c}",
		`a\b`, "a\nb", "a*;",
	} {
		got, err := exec.Command("sh", "-c", "printf %s "+shellWord(want)).Output()
		if err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", want, got, err)
		}
	}
}

// Where etcd gives a node no name, it has its own, or must be given one: three nodes of one name would prune each other's sets.
func TestHostname(t *testing.T) {
	name, err := hostname(fstest.MapFS{"etc/hostname": {Data: []byte("cp1\n")}})
	if err != nil || name != "cp1" {
		t.Errorf("%q, %v", name, err)
	}
	for _, root := range []fstest.MapFS{{}, {"etc/hostname": {}}, {"etc/hostname": {Data: []byte("a\x1bb")}}} {
		if _, err := hostname(root); err == nil || !strings.Contains(err.Error(), "--node NAME") {
			t.Errorf("%v: %v", root, err)
		}
	}
}

func TestPlaceCheck(t *testing.T) {
	for says, p := range map[string]place{
		"--cluster must":     {to: "file:///a/", cluster: "a\tb"},
		"--node must":        {to: "file:///a/", node: strings.Repeat("n", 254)},
		"are for a --to":     {to: "a.clustersnap", node: "cp1"},
		"no user":            {to: "s3://k:hush@b/"},
		"--no-read-back":     {to: "a.clustersnap", verdict: store.Unverified},
		"no parameter \"x\"": {to: "s3://b/?x=hush"},
	} {
		if err := p.check(); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%+v: %v", p, err)
		}
	}
}
