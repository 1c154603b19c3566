package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap/manifests"
)

// Secrets says what becomes of the core group's Secrets. Other kinds are written as they are: whoever keeps passwords in
// a ConfigMap has them in the tree.
type Secrets int

const (
	// Exclude leaves the content of Secrets out. The index names them, and a restore has to make them anew.
	Exclude Secrets = iota
	// Redact replaces each value by a keyed digest, so that a change shows and nothing else. It needs [Options.Key].
	Redact
	// Encrypt writes Secrets as age files, anew only when the plain text has changed. It needs [Options.Recipients], and
	// [Options.Key] to know a change by.
	Encrypt
	// Include writes Secrets as any other object.
	Include
)

// form is how a tree holds an object. All but Secrets are plain.
type form string

const (
	plain     form = ""
	excluded  form = "excluded"
	redacted  form = "redacted"
	encrypted form = "encrypted"
)

// weight orders the ways to treat Secrets by what they keep.
func (s Secrets) weight() int { return min(int(s), int(Encrypt)) }

func (s Secrets) form() form { return [...]form{excluded, redacted, encrypted, plain}[s] }

func (s Secrets) String() string { return [...]string{"exclude", "redact", "encrypt", "include"}[s] }

func parseSecrets(s string) (Secrets, bool) {
	for p := Exclude; p <= Include; p++ {
		if p.String() == s {
			return p, true
		}
	}
	return 0, false
}

func isSecret(k manifests.Key) bool { return k.Group == "" && k.Resource == "secrets" }

// check refuses options that would write something else than was asked for.
func (o Options) check() error {
	switch {
	case o.Secrets < Exclude || o.Secrets > Include:
		return fmt.Errorf("options: %d is no way to treat Secrets", o.Secrets)
	case (o.Secrets == Redact || o.Secrets == Encrypt) && o.Key.isZero():
		return fmt.Errorf("options: to %v Secrets needs a Key: see NewMACKey", o.Secrets)
	case o.Secrets == Encrypt && len(o.Recipients) == 0:
		return errors.New("options: to encrypt Secrets needs Recipients")
	case o.Secrets != Encrypt && len(o.Recipients) > 0:
		return fmt.Errorf("options: Recipients are there, and Secrets are to %v: choose Encrypt", o.Secrets)
	}
	return nil
}

// readers names those who can read what is encrypted, as far as they have a name: the digest of a Secret covers it, so
// a change of recipients encrypts anew.
func (o Options) readers() string {
	var names []string
	for _, r := range o.Recipients {
		name := fmt.Sprintf("%T", r)
		if s, ok := r.(fmt.Stringer); ok {
			name = s.String()
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, "\n")
}

// mac tells whether an encrypted Secret is still the same, to the same readers.
func (o Options) mac(readers string, k manifests.Key, text []byte) [32]byte {
	return o.Key.sum("encrypt", readers, k.Namespace, k.Name, string(text))
}

func seal(text []byte, recipients []age.Recipient) ([]byte, error) {
	var b bytes.Buffer
	w, err := age.Encrypt(&b, recipients...)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	err = w.Close() // before the bytes are looked at: it writes the last ones
	return b.Bytes(), err
}

func unseal(sealed []byte, identities []age.Identity) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), identities...)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r) // as long as sealed, at most
}
