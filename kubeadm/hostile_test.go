package kubeadm_test

import (
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// A cut manifest is an error or, cut behind the last thing that matters, the
// same node. It is never a panic and never another node.
func TestEveryPrefixOfAManifest(t *testing.T) {
	for _, tt := range []struct{ shape, file string }{
		{"v1.15", "etcd.yaml"}, {"moved", "etcd.yaml"}, {"json", "etcd.manifest"},
	} {
		whole, err := kubeadm.Read(node(t, tt.shape), kubeadm.Options{})
		if err != nil {
			t.Fatal(err)
		}
		root := node(t, tt.shape)
		file := root[manifestDir+"/"+tt.file]
		text := file.Data
		refused := 0
		for n := range text {
			file.Data = text[:n]
			got, err := kubeadm.Read(root, kubeadm.Options{})
			if err != nil {
				refused++
			} else if describe(got.Etcd) != describe(whole.Etcd) {
				t.Errorf("%s cut to %d of %d bytes reads as another node:\n%s", tt.shape, n, len(text), describe(got.Etcd))
			}
		}
		if refused == 0 {
			t.Errorf("no prefix of %s was refused", tt.shape)
		}
	}
}

// A flipped byte may make another valid manifest, but what is read from it keeps
// its form: absolute paths, addresses that can be dialled.
func TestEveryFlippedByte(t *testing.T) {
	root := node(t, "json")
	text := root[manifestDir+"/etcd.manifest"].Data
	refused := 0
	for i := range text {
		for _, mask := range []byte{0x01, 0x20, 0x80} {
			text[i] ^= mask
			got, err := kubeadm.Read(root, kubeadm.Options{})
			text[i] ^= mask
			if err != nil {
				refused++
				continue
			}
			if !path.IsAbs(got.Etcd.DataDir.Value) || len(got.Etcd.Endpoints) == 0 {
				t.Errorf("byte %d ^ %#x reads as\n%s", i, mask, describe(got.Etcd))
			}
			for _, endpoint := range got.Etcd.Endpoints {
				if u, err := url.Parse(endpoint.Value); err != nil || u.Port() == "" {
					t.Errorf("byte %d ^ %#x reads as endpoint %q", i, mask, endpoint.Value)
				}
			}
		}
	}
	if refused == 0 {
		t.Error("no flipped byte was refused")
	}
}

func TestHostileManifests(t *testing.T) {
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
	for i := range 9 {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i), 9), ","))
	}
	for _, tt := range []struct{ name, text, says string }{
		{"just too large", strings.Repeat("#", 1<<20+1), "larger"},
		{"deep flow lists", strings.Repeat("[", 1<<19), "parse"},
		{"deep flow maps", strings.Repeat("{a: ", 1<<18), "parse"},
		{"deep block lists", strings.Repeat("- ", 1<<19), "parse"},
		{"deep JSON", `{"a":` + strings.Repeat("[", 1<<18) + strings.Repeat("]", 1<<18) + "}", "parse"},
		{"aliases of aliases", bomb, "aliases"},
		{"aliases of a long text", "a: &long " + strings.Repeat("x", 100_000) + "\nb: [" + strings.Repeat("*long,", 1000) + "]", "aliases"},
		{"alias without space", "{a: &x {b: c},d: [*x,*x]}", "no v1 Pod"},
		{"alias of itself", "&a [*a]", "parse"},
		{"NUL bytes", strings.Repeat("\x00", 4096), "parse"},
		{"list", "[1, 2]", "parse"},
		{"number for a pod", "42", "parse"},
		{"wrong types", "{apiVersion: v1, kind: Pod, spec: {containers: {a: b}}}", "parse"},
		{"only a comment", "# nothing", "no v1 Pod"},
		{"pod without spec", "{apiVersion: v1, kind: Pod, spec: null}", "no static pod runs etcd"},
		{"null containers", "{apiVersion: v1, kind: Pod, spec: {containers: [null, {command: [null]}, {command: ['']}]}}", "no static pod runs etcd"},
		{"etcd without anything", "{apiVersion: v1, kind: Pod, spec: {containers: [{command: [etcd]}]}}", "no hostPath volume"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := fstest.MapFS{manifestDir + "/etcd.yaml": {Data: []byte(tt.text)}}
			_, err := kubeadm.Read(root, kubeadm.Options{})
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("%v, want one that says %q", err, tt.says)
			}
			if len(err.Error()) > 1000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

// An ampersand alone is no anchor: probes have them, and shells.
func TestAmpersandsAreNotAnchors(t *testing.T) {
	root := node(t, "v1.37")
	edit(t, root, "etcd.yaml", "path: /livez", "path: /health?exclude=NOSPACE&serializable=true # *.log &x *y")
	if _, err := kubeadm.Read(root, kubeadm.Options{}); err != nil {
		t.Error(err)
	}
}

func TestTooManyManifests(t *testing.T) {
	root := node(t, "v1.37")
	for i := range 300 {
		root[fmt.Sprintf("%s/pod-%d.yaml", manifestDir, i)] = &fstest.MapFile{Data: []byte("{apiVersion: v1, kind: Pod}")}
	}
	if _, err := kubeadm.Read(root, kubeadm.Options{}); err == nil || !strings.Contains(err.Error(), "more than 256") {
		t.Errorf("%v, want a refusal of 302 manifests", err)
	}
}

// endless is a node whose manifest never ends; reading it whole would never
// return.
type endless struct{ fstest.MapFS }

func (e endless) Open(name string) (fs.File, error) {
	file, err := e.MapFS.Open(name)
	if strings.HasSuffix(name, "/etcd.yaml") {
		return endlessFile{file}, err
	}
	return file, err
}

type endlessFile struct{ fs.File }

func (endlessFile) Read(p []byte) (int, error) { return len(p), nil }

func TestEndlessManifest(t *testing.T) {
	if _, err := kubeadm.Read(endless{node(t, "v1.37")}, kubeadm.Options{}); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("%v, want a refusal", err)
	}
}
