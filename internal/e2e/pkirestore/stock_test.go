package pkirestore

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/nodebundle"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
	"github.com/clustersnap/clustersnap/pkibundle"
)

// Stock age and tar open what Seal writes, for each kind of recipient that they know, and with no other identity.
func TestStockToolsOpenBundle(t *testing.T) {
	node := bed.ControlPlane(t, bed.Options{Scheduler: true})
	for name, text := range map[string]string{"passwd": "root:x:0:0::/root:/bin/sh\n", "group": "root:x:0:\n"} {
		if err := os.WriteFile(filepath.Join(node.Root, "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	bundle := nodebundle.Collect(t, node.Root)
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	classic, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	sshRecipient, sshKey := newSSHKey(t)
	kinds := map[string]struct {
		recipient age.Recipient
		identity  string
	}{
		"hybrid": {hybrid.Recipient(), hybrid.String()}, "x25519": {classic.Recipient(), classic.String()}, "ssh": {sshRecipient, string(sshKey)},
	}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			sealed, err := os.Create(filepath.Join(dir, "bundle.age"))
			if err != nil {
				t.Fatal(err)
			}
			defer sealed.Close()
			signer, err := ssh.ParseRawPrivateKey(sshKey)
			if err != nil {
				t.Fatal(err)
			}
			m, err := pkibundle.Seal(sealed, bundle, []age.Recipient{kind.recipient}, time.Now(),
				pkibundle.SealOptions{Signer: signer.(*ed25519.PrivateKey)})
			if err != nil {
				t.Fatal(err)
			}
			for other, k := range kinds {
				if err := os.WriteFile(filepath.Join(dir, "key"), []byte(k.identity), 0o600); err != nil {
					t.Fatal(err)
				}
				out, err := inShell(dir, "$1 -d -i key bundle.age | tar tv", peers.Age.Path(t))
				if (err == nil) != (other == name) {
					t.Errorf("with the identity of %s: %v\n%s", other, err, out)
				}
				if err == nil && (!strings.Contains(out, "root/root") || !strings.Contains(out, " etc/kubernetes/pki/ca.key\n") ||
					strings.Count(out, "\n") != len(bundle.Files)+2) {
					t.Errorf("tar lists\n%s", out)
				}
			}
			if err := os.WriteFile(filepath.Join(dir, "key"), []byte(kind.identity), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := inShell(dir, "$1 -d -i key bundle.age | tar xO manifest.json | sha256sum", peers.Age.Path(t))
			if err != nil || !strings.HasPrefix(out, m.Digest()+" ") {
				t.Errorf("the digest is %s, and %s (%v)", m.Digest(), out, err)
			}
		})
	}
}

// newSSHKey makes one as ssh-keygen does.
func newSSHKey(t *testing.T) (age.Recipient, []byte) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	recipient, err := agessh.NewEd25519Recipient(key)
	if err != nil {
		t.Fatal(err)
	}
	return recipient, pem.EncodeToMemory(block)
}

// inShell runs a pipeline in dir, with args as $1, $2 and so on, and gives what it prints.
func inShell(dir, script string, args ...string) (string, error) {
	cmd := exec.Command("bash", append([]string{"-euo", "pipefail", "-c", script, "bash"}, args...)...)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}
