package pkirestore

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"filippo.io/age"
	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/nodebundle"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/check"
	"github.com/clustersnap/clustersnap/pkibundle/pair"
	"github.com/clustersnap/clustersnap/pkibundle/reissue"
)

// Whatever goes wrong, in the library or in the command, nothing that it says has a piece of a key in it.
func TestNothingSaysAKey(t *testing.T) {
	node := bed.ControlPlane(t, bed.Options{Encryption: true, Scheduler: true})
	bundle := nodebundle.Collect(t, node.Root)
	said := &record{}
	said.say(bundle, bundle.Files, bundle.Files[0], &bundle.Files[0])
	said.collect(t, node.Root)
	said.damaged(t, bundle)
	said.wrong(t, bundle)
	said.extract(t, bundle)
	said.commands(t, node)

	text := said.text.String()
	if strings.Count(text, "\n") < 1000 {
		t.Fatalf("only this was said:\n%s", text)
	}
	secrets := secretsOf(t, bundle)
	if len(secrets) < 500 {
		t.Fatalf("only %d secrets are known", len(secrets))
	}
	for _, secret := range secrets {
		if at := strings.Index(text, secret); at >= 0 {
			t.Fatalf("a key shows in %q", text[max(0, at-200):at])
		}
	}
	if !strings.Contains(text+"\n"+secrets[7], secrets[7]) { // the search itself
		t.Error("a key would not be found")
	}
}

// secretsOf gives pieces of every key of a node in each form in which it might be printed.
func secretsOf(t *testing.T, b *pkibundle.Bundle) []string {
	t.Helper()
	found := map[string]bool{}
	add := func(secret []byte) {
		for piece := range slices.Chunk(secret, 24) {
			if len(piece) == 24 {
				found[string(piece)], found[hex.EncodeToString(piece)], found[base64.StdEncoding.EncodeToString(piece)] = true, true, true
				found[strings.Trim(fmt.Sprint(piece), "[]")], found[fmt.Sprintf("%q", piece)] = true, true
			}
		}
	}
	keys := func(data []byte) {
		for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
			if strings.HasSuffix(block.Type, "PRIVATE KEY") {
				add(block.Bytes)
				add([]byte(base64.StdEncoding.EncodeToString(block.Bytes)))
			}
		}
	}
	for _, f := range b.Files {
		keys(f.Data)
		var config struct {
			Users []struct {
				User struct {
					Key []byte `json:"client-key-data"`
				}
			}
			Resources []struct {
				Providers []struct {
					Secretbox struct{ Keys []struct{ Secret []byte } }
				}
			}
		}
		if yaml.Unmarshal(f.Data, &config) != nil {
			continue
		}
		for _, u := range config.Users {
			keys(u.User.Key)
			add([]byte(base64.StdEncoding.EncodeToString(u.User.Key)))
		}
		for _, r := range config.Resources {
			for _, p := range r.Providers {
				for _, k := range p.Secretbox.Keys {
					add(k.Secret)
					add([]byte(base64.StdEncoding.EncodeToString(k.Secret)))
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// record is all that was printed, logged or returned.
type record struct{ text strings.Builder }

func (r *record) say(values ...any) {
	logger := slog.New(slog.NewTextHandler(&r.text, nil))
	for _, v := range values {
		fmt.Fprintf(&r.text, "%v\n%+v\n%#v\n%s\n%q\n%x\n", v, v, v, v, v, v)
		if data, err := json.Marshal(v); err == nil {
			r.text.Write(append(data, '\n'))
		}
		logger.Info("said", "value", v)
	}
}

// failed records an error, which there has to be.
func (r *record) failed(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", what)
	}
	r.say(what, err)
}

// collect fails over each file of the node.
func (r *record) collect(t *testing.T, root string) {
	declared, err := kubeadm.Read(kubeadm.NodeFS(root), kubeadm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"etc/kubernetes/pki/ca.key", "etc/kubernetes/admin.conf", bed.EncryptionConfig} {
		_, err := pkibundle.Collect(broken{kubeadm.NodeFS(root).(fs.ReadLinkFS), name}, declared.Files, nodebundle.Programs(declared))
		r.failed(t, "collect", err)
	}
	// A key where a kubeconfig wants a path, or the token of the cluster.
	for _, field := range []string{"client-key", "tokenFile", "client-certificate"} {
		for _, key := range []string{"ca.key", "sa.key", "etcd/peer.key"} {
			data, err := os.ReadFile(filepath.Join(root, "etc/kubernetes/pki", key))
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{
				base64.StdEncoding.EncodeToString(data), string(data), "/" + base64.StdEncoding.EncodeToString(data),
				string(data[60:120]), "/" + string(data[60:120]),
			} {
				conf, err := json.Marshal(map[string]any{"kind": "Config", "users": []any{map[string]any{"name": "u", "user": map[string]string{field: text}}}})
				if err != nil {
					t.Fatal(err)
				}
				b, err := pkibundle.Collect(fstest.MapFS{"etc/kubernetes/admin.conf": {Data: conf}}, []string{"etc"}, nil)
				if err != nil || len(b.Omitted) != 1 {
					t.Errorf("%s: %v", field, err)
					continue
				}
				_, identity, _ := sealHybrid(t, b)
				var sealed bytes.Buffer
				m, err := pkibundle.Seal(&sealed, b, []age.Recipient{identity.Recipient()}, time.Now(), pkibundle.SealOptions{})
				r.say(b.Omitted, m, err, check.Files(b, time.Now(), check.Options{}))
			}
		}
	}
	large := fstest.MapFS{"etc/ca.key": {Data: bytes.Repeat([]byte("key of the CA "), 1<<17)}}
	_, err = pkibundle.Collect(large, []string{"etc"}, nil)
	r.failed(t, "large", err)
}

// broken fails in the middle of one file.
type broken struct {
	fs.ReadLinkFS
	name string
}

func (b broken) Open(name string) (fs.File, error) {
	f, err := b.ReadLinkFS.Open(name)
	if err == nil && name == b.name {
		return brokenFile{f}, nil
	}
	return f, err
}

type brokenFile struct{ fs.File }

func (f brokenFile) Read(p []byte) (int, error) {
	n, _ := f.File.Read(p[:min(len(p), 100)])
	return n, errors.New("the disk is bad")
}

// damaged opens a sealed bundle that is cut, flipped, or for somebody else.
func (r *record) damaged(t *testing.T, b *pkibundle.Bundle) {
	sealed, identity, signer := sealHybrid(t, b)
	other, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	_, manifest, err := pkibundle.Open(bytes.NewReader(sealed), []age.Identity{identity}, pkibundle.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r.say(manifest)
	for n := 0; n < len(sealed); n += 997 {
		_, _, err := pkibundle.Open(bytes.NewReader(sealed[:n]), []age.Identity{identity}, pkibundle.OpenOptions{})
		r.failed(t, "cut", err)
		flipped := bytes.Clone(sealed)
		flipped[n] ^= 0x20
		_, _, err = pkibundle.Open(bytes.NewReader(flipped), []age.Identity{identity}, pkibundle.OpenOptions{})
		r.failed(t, "flipped", err)
	}
	for _, opts := range []pkibundle.OpenOptions{{Digest: "another"}, {NotBefore: time.Now().Add(time.Hour)}} {
		_, _, err := pkibundle.Open(bytes.NewReader(sealed), []age.Identity{identity}, opts)
		r.failed(t, "demand", err)
	}
	_, _, err = pkibundle.Open(bytes.NewReader(sealed), []age.Identity{other}, pkibundle.OpenOptions{})
	r.failed(t, "other identity", err)
	r.say(signer)
}

// wrong has every room judge bundles in which one file is not what it was.
func (r *record) wrong(t *testing.T, b *pkibundle.Bundle) {
	for i := range b.Files {
		for _, spoil := range []func([]byte) []byte{
			func(d []byte) []byte { return d[:len(d)/2] },
			func(d []byte) []byte { return bytes.Replace(d, []byte("\n"), []byte("\n:\t"), 3) },
			func(d []byte) []byte { return bytes.ReplaceAll(d, []byte("A"), []byte("!")) },
			func(d []byte) []byte { return append(bytes.Clone(d), d...) },
			func([]byte) []byte { return b.With("cluster-ca-key")[0].Data },
		} {
			wrong := &pkibundle.Bundle{Files: slices.Clone(b.Files), Directories: b.Directories}
			wrong.Files[i].Data = spoil(b.Files[i].Data)
			r.say(check.Files(wrong, time.Now(), check.Options{}))
			none := func(func(key, value []byte) bool) {}
			r.say(pair.With(wrong, none))
			if shared, err := wrong.Shared(); err == nil {
				_, err := reissue.Leaves(shared, reissue.Node{}, time.Now())
				r.failed(t, "no node", err)
				n, err := reissue.NodeOf(wrong)
				r.say(n, err)
				if strings.HasSuffix(b.Files[i].Role, "-ca-key") { // any other lets it make keys, which takes long
					_, err = reissue.Leaves(shared, n, time.Now())
					r.say(err)
				}
			}
		}
	}
}

// extract has no place to write to.
func (r *record) extract(t *testing.T, b *pkibundle.Bundle) {
	parent, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r.failed(t, "above", pkibundle.Extract(parent, "..", b, pkibundle.ExtractOptions{}))
	r.failed(t, "taken", errors.Join(parent.Mkdir("x", 0o700), pkibundle.Extract(parent, "x", b, pkibundle.ExtractOptions{})))
	twice := &pkibundle.Bundle{Files: append(slices.Clone(b.Files), b.Files...)}
	r.failed(t, "twice", pkibundle.Extract(parent, "y", twice, pkibundle.ExtractOptions{}))
	if _, err := parent.Stat("y"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was written: %v", err)
	}
	parent.Close()
	r.failed(t, "closed", pkibundle.Extract(parent, "y", b, pkibundle.ExtractOptions{}))
	_, err = pkibundle.Changes(kubeadm.NodeFS(filepath.Join(parent.Name(), "gone")), twice)
	r.failed(t, "changes", err)
}

// commands are those of the example, without etcd, with a wrong identity and on a damaged set.
func (r *record) commands(t *testing.T, node *bed.Node) {
	recipient, key := command.KeyPair(t)
	_, other := command.KeyPair(t)
	set := filepath.Join(t.TempDir(), "set")
	run := func(args ...string) command.Outcome {
		o := command.Run(t, "", args...)
		r.text.WriteString(o.Stdout + o.Stderr)
		return o
	}
	if o := run("backup", "--etcd-only", "--root", node.Root, "--to", set, "--recipient", recipient); o.Code == 0 {
		t.Error("a backup from outside of the node's network")
	}
	command.Good(t, command.RunOn(t, node, "backup", "--etcd-only", "--root", node.Root, "--to", set, "--recipient", recipient))
	run("verify", set, "--identity", other)
	data, err := os.ReadFile(set)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{len(data) / 3, len(data) - 2000, len(data) - 10} {
		bad := set + fmt.Sprint(at)
		if err := os.WriteFile(bad, append(bytes.Clone(data[:at]), data[at+1:]...), 0o600); err != nil {
			t.Fatal(err)
		}
		if o := run("verify", bad, "--identity", key); o.Code == 0 {
			t.Error("a damaged set is verified")
		}
	}
}

func TestMain(m *testing.M) { command.Main(m) }
