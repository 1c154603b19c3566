package tree_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

const password = "aHVudGVyMg=="

func newKey(t *testing.T, seed byte) tree.MACKey {
	t.Helper()
	k, err := tree.NewMACKey(bytes.Repeat([]byte{seed}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newIdentity(t *testing.T) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func vault() *cluster {
	return newCluster(map[string]string{
		"secrets/db@shop": password, "secrets/db@bank": password, "secrets/other@shop": "b3RoZXI=", "configmaps/web@shop": "4",
		"secrets.vault.example.com/db@shop": "5",
	})
}

// one reads a Secret of the tree.
func one(t *testing.T, dir string, identities ...age.Identity) (string, manifests.Entry, error) {
	t.Helper()
	saved, err := tree.Read(os.DirFS(dir), identities...)
	if err != nil {
		t.Fatal(err)
	}
	for e := range saved.Entries(t.Context()) {
		if e.Key == key("secrets/db@shop") {
			text, err := saved.Object(t.Context(), e)
			return string(text), e, err
		}
	}
	t.Fatal("there is no such Secret")
	return "", manifests.Entry{}, nil
}

// leaks looks for a secret, and for digests of it that anyone could compare guesses with.
func leaks(t *testing.T, dir string) {
	t.Helper()
	hash := object(key("secrets/db@shop"), password, "").Hash
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		for _, secret := range []string{password, "hunter2", hash} {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s has %s", name, secret)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The zero value of the options keeps no Secret, and says so.
func TestSecretsExcluded(t *testing.T) {
	dir, c := t.TempDir(), vault()
	changes := c.into(t, dir, tree.Options{})
	if changes.Excluded != 3 || len(changes.Added) != 2 {
		t.Errorf("%+v", changes)
	}
	leaks(t, dir)
	if _, e, err := one(t, dir); !errors.Is(err, tree.ErrNotKept) || e.Hash != "" || e.UID == "" {
		t.Errorf("read as %+v, %v", e, err)
	}
	if changes := c.into(t, dir, tree.Options{}); !changes.Quiet() || changes.Excluded != 3 {
		t.Errorf("again: %+v", changes)
	}
	c.delete("secrets/db@shop")
	if changes := c.into(t, dir, tree.Options{}); changes.Excluded != 2 || len(changes.Removed) != 0 || !changes.Index {
		t.Errorf("one less: %+v", changes)
	}
}

func TestSecretsIncluded(t *testing.T) {
	dir, c := t.TempDir(), vault()
	c.into(t, dir, tree.Options{Secrets: tree.Include})
	c.holds(t, dir)
}

func TestSecretsRedacted(t *testing.T) {
	dir, c, opts := t.TempDir(), vault(), tree.Options{Secrets: tree.Redact, Key: newKey(t, 1)}
	c.into(t, dir, opts)
	leaks(t, dir)
	text, e, err := one(t, dir)
	want, werr := opts.Key.Redact(e.Key, object(e.Key, password, "").YAML)
	if err != nil || werr != nil || text != string(want) || !strings.Contains(text, "\n  password: hmac-sha256:") {
		t.Errorf("it is %q, %v, want %q, %v", text, err, want, werr)
	}
	if changes := c.into(t, dir, opts); !changes.Quiet() {
		t.Errorf("again: %+v", changes)
	}
	c.set("secrets/db@shop", "aHVudGVyMw==")
	changes := c.into(t, dir, opts)
	if len(changes.Changed) != 1 || changes.Changed[0] != "namespaces/shop/secrets/db.yaml" {
		t.Errorf("one has changed: %+v", changes)
	}
	// The same password elsewhere does not show.
	digest := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(text), "hmac-sha256:")
		return after[:64]
	}
	c.set("secrets/db@shop", password)
	c.into(t, dir, opts)
	if a, b := digest("namespaces/shop/secrets/db.yaml"), digest("namespaces/bank/secrets/db.yaml"); a == b {
		t.Error("two Secrets with the same password have the same digest")
	}
	opts.Key = newKey(t, 2)
	if changes := c.into(t, dir, opts); len(changes.Changed) != 3 {
		t.Errorf("another key: %+v", changes)
	}
}

func TestSecretsEncrypted(t *testing.T) {
	id := newIdentity(t)
	dir, c := t.TempDir(), vault()
	opts := tree.Options{Secrets: tree.Encrypt, Key: newKey(t, 1), Recipients: []age.Recipient{id.Recipient()}}
	changes := c.into(t, dir, opts)
	if len(changes.Added) != 5 || changes.Added[4] != "namespaces/shop/secrets/other.yaml.age" {
		t.Errorf("%+v", changes)
	}
	leaks(t, dir)
	if _, e, err := one(t, dir); !errors.Is(err, tree.ErrSealed) || e.Hash != "" {
		t.Errorf("without identity: %+v, %v", e, err)
	}
	if _, _, err := one(t, dir, newIdentity(t)); !errors.Is(err, tree.ErrSealed) {
		t.Errorf("with another identity: %v", err)
	}
	if text, e, err := one(t, dir, id); err != nil || text != string(object(e.Key, password, "").YAML) {
		t.Errorf("it is %q, %v", text, err)
	}
	before := files(t, dir)
	if changes := c.into(t, dir, opts); !changes.Quiet() || !maps.Equal(files(t, dir), before) {
		t.Errorf("encrypted again though nothing has changed: %+v", changes)
	}
	c.set("secrets/db@shop", "aHVudGVyMw==")
	if changes := c.into(t, dir, opts); len(changes.Changed) != 1 {
		t.Errorf("one has changed: %+v", changes)
	}
	// Another reader must be able to read all.
	other := newIdentity(t)
	opts.Recipients = append(opts.Recipients, other.Recipient())
	if changes := c.into(t, dir, opts); len(changes.Changed) != 3 {
		t.Errorf("another recipient: %+v", changes)
	}
	if _, _, err := one(t, dir, other); err != nil {
		t.Errorf("the new recipient: %v", err)
	}
}

// To treat Secrets in another way moves their files, and never keeps less of them by accident.
func TestSecretsTreatedOtherwise(t *testing.T) {
	ways := []tree.Options{
		{},
		{Secrets: tree.Redact, Key: newKey(t, 1)},
		{Secrets: tree.Encrypt, Key: newKey(t, 1), Recipients: []age.Recipient{newIdentity(t).Recipient()}},
		{Secrets: tree.Include},
	}
	for i, was := range ways {
		for j, is := range ways {
			t.Run(was.Secrets.String()+" to "+is.Secrets.String(), func(t *testing.T) {
				dir, c := t.TempDir(), vault()
				c.into(t, dir, was)
				_, err := c.tryInto(t, dir, is)
				if less := j < i && i != 3 || j < 2 && i == 3; errors.Is(err, tree.ErrNarrower) != less || !less && err != nil {
					t.Fatalf("refused with %v", err)
				} else if less {
					return
				}
				fresh := t.TempDir()
				c.into(t, fresh, is)
				now, want := texts(t, dir), texts(t, fresh)
				for name := range want {
					if _, ok := now[name]; !ok {
						t.Errorf("%s is missing", name)
					}
				}
				if len(now) != len(want) {
					t.Errorf("it has %d files, want %d", len(now), len(want))
				}
				if is.Secrets != tree.Include {
					leaks(t, dir)
				}
			})
		}
	}
}

// A tree that says it encrypts Secrets has none in the clear, also where none could be listed since.
func TestKeptSecretsAreEncrypted(t *testing.T) {
	id := newIdentity(t)
	seal := tree.Options{Secrets: tree.Encrypt, Key: newKey(t, 1), Recipients: []age.Recipient{id.Recipient()}}
	setup := func() (string, *cluster) {
		dir, c := t.TempDir(), vault()
		c.into(t, dir, tree.Options{Secrets: tree.Include})
		c.without("secrets", "", manifests.Forbidden)
		return dir, c
	}
	const plain = "namespaces/shop/secrets/db.yaml"

	dir, c := setup()
	changes := c.into(t, dir, seal)
	if len(changes.Kept) != 3 || len(changes.Changed) != 3 || len(changes.Removed) != 3 || changes.Kept[1] != plain+".age" {
		t.Errorf("%+v", changes)
	}
	leaks(t, dir)
	if text, e, err := one(t, dir, id); err != nil || text != string(object(e.Key, password, "").YAML) {
		t.Errorf("it is %q, %v", text, err)
	}
	before := files(t, dir)
	if changes := c.into(t, dir, seal); !changes.Quiet() || !maps.Equal(files(t, dir), before) {
		t.Errorf("again: %+v", changes)
	}
	c.outcomes = nil
	if changes := c.into(t, dir, seal); len(changes.Changed)+len(changes.Removed)+len(changes.Kept) != 0 {
		t.Errorf("when they can be listed again: %+v", changes)
	}

	dir, c = setup()
	put(t, dir, plain, "edited "+password)
	before = files(t, dir)
	if _, err := c.tryInto(t, dir, seal); !errors.Is(err, tree.ErrCorrupt) || !strings.Contains(err.Error(), plain) {
		t.Errorf("an edited one: %v", err)
	}
	if !maps.Equal(files(t, dir), before) {
		t.Error("it has touched files")
	}
	remove(t, dir, plain)
	if changes := c.into(t, dir, seal); len(changes.Lost) != 1 || len(changes.Changed) != 2 || changes.Excluded != 1 {
		t.Errorf("a missing one: %+v", changes)
	}
	leaks(t, dir)
	c.outcomes = nil
	if changes := c.into(t, dir, seal); len(changes.Added) != 1 || len(changes.Changed) != 0 {
		t.Errorf("a missing one that can be listed again: %+v", changes)
	}
}

func TestOptionsThatContradict(t *testing.T) {
	recipients := []age.Recipient{newIdentity(t).Recipient()}
	for _, opts := range []tree.Options{
		{Secrets: tree.Redact},
		{Secrets: tree.Encrypt, Key: newKey(t, 1)},
		{Secrets: tree.Encrypt, Recipients: recipients},
		{Recipients: recipients},
		{Secrets: tree.Include, Recipients: recipients},
		{Secrets: 4},
		{Secrets: -1},
	} {
		to, err := tree.Open(openRoot(t, t.TempDir()), opts)
		if err == nil {
			to.Close()
			t.Errorf("%+v is taken", opts)
		}
	}
	if _, err := tree.NewMACKey(make([]byte, 31)); err == nil {
		t.Error("a short key is taken")
	}
}

func TestKeyShowsItselfNowhere(t *testing.T) {
	opts := struct {
		tree.Options
		hidden tree.MACKey
	}{tree.Options{Key: newKey(t, 7)}, newKey(t, 7)}
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		fmt.Fprintf(&b, verb+"\n", opts.Key)
	}
	fmt.Fprintf(&b, "%v\n%+v\n%#v\n%x\n", opts.hidden, opts.hidden, opts.hidden, opts.hidden)
	if err := json.NewEncoder(&b).Encode(map[string]any{"key": opts.Key}); err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "key", opts.Key)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "key", opts.Key)
	for line := range strings.Lines(b.String()) {
		if !strings.Contains(line, "redacted") {
			t.Errorf("it is printed as %q", line)
		}
	}
}
