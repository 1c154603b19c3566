package check_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/check"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// breakages are what can have happened to a file.
var breakages = map[string]func([]byte) []byte{
	"truncated":       func(data []byte) []byte { return data[:len(data)*2/3] },
	"without newline": func(data []byte) []byte { return bytes.ReplaceAll(data, []byte("\n"), []byte(" ")) },
	"indented":        func(data []byte) []byte { return bytes.ReplaceAll(data, []byte("\n"), []byte("\n\t")) },
	"in capitals":     bytes.ToUpper,
	"as a list":       func(data []byte) []byte { return bytes.ReplaceAll(data, []byte(": "), []byte(": - ")) },
	"as a map":        func(data []byte) []byte { return bytes.ReplaceAll(data, []byte("data: "), []byte("data: a: ")) },
	"doubled":         func(data []byte) []byte { return append(bytes.Clone(data), data...) },
	"another type":    func(data []byte) []byte { return bytes.ReplaceAll(data, []byte("PRIVATE KEY"), []byte("CERTIFICATE")) },
	"in base64 twice": func(data []byte) []byte { text, _ := json.Marshal(data); return text },
	"as a URL": func(data []byte) []byte { // the key where a host is expected
		key, ok := bytes.CutPrefix(data, []byte("apiVersion"))
		if !ok {
			return nil
		}
		_, line, _ := strings.Cut(string(key), "client-key-data: ")
		line, _, _ = strings.Cut(line, "\n")
		return bytes.ReplaceAll(data, []byte("server: https://"), []byte("server: https://:"+line))
	},
}

// TestBrokenShowsNothing breaks each file in each way: the report never shows any of a key, and it is a report.
func TestBrokenShowsNothing(t *testing.T) {
	n := newTestNode(t, newEd25519)
	n.encrypt("secretbox: {keys: [{name: key1, secret: SECRET}]}")
	for name, breakage := range breakages {
		for path, f := range n.files {
			if f.Link != "" {
				continue
			}
			n.change(path, func(f *pkibundle.File) { f.Data = breakage(f.Data) })
			if r := n.check(check.Options{}); r.Verdict == "" {
				t.Errorf("%s %s: no verdict", path, name)
			}
			n.files[path] = f
		}
	}
}

// TestKeyWhereAPathBelongs has a kubeconfig that somebody has put together wrongly.
func TestKeyWhereAPathBelongs(t *testing.T) {
	n := newTestNode(t, newEd25519)
	n.edit(admin, "client-key-data: ", "client-key: ")
	key := between(t, n.files[admin].Data, "client-key: ")
	const why = "the node has no such file"
	n.omitted = []pkibundle.Omission{
		{Path: "/etc/kubernetes/" + key, From: admin + " client-key", Why: why},
		{Path: strings.Repeat("k", 300), From: "kube-apiserver --audit-policy-file", Why: why},
		{Path: "-----BEGIN " + "PRIVATE KEY-----", From: "kube-apiserver --oidc-ca-file", Why: why},
	}
	r := n.check(check.Options{})
	wantFindings(t, r, fatal(check.BadKubeconfig, role.AdminConf, admin))
	if r.Verdict != check.Incomplete || len(r.Missing) != 3 || r.Missing[0].Path+r.Missing[1].Path+r.Missing[2].Path != "" {
		t.Errorf("%s, missing %v", r.Verdict, r.Missing)
	}
}

// FuzzFiles feeds one file of each role with anything.
func FuzzFiles(f *testing.F) {
	n := newTestNode(f, newEd25519)
	n.encrypt("kms: {apiVersion: v2, name: vault, endpoint: 'unix:///run/kms.sock'}")
	var paths []string
	for _, file := range n.bundle().Files {
		if file.Link == "" {
			f.Add(len(paths), file.Data)
			paths = append(paths, file.Path)
		}
	}
	if len(paths) == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(t *testing.T, i int, data []byte) {
		b := n.bundle()
		for at := range b.Files {
			if i >= 0 && i < len(paths) && b.Files[at].Path == paths[i] {
				b.Files[at].Data = data
			}
		}
		if r := check.Files(b, now, check.Options{}); r.Verdict == "" {
			t.Error("no verdict")
		}
	})
}
