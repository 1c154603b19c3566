package pkibundle_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap/pkibundle"
)

func newSigner(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func sealSigned(t *testing.T, b *pkibundle.Bundle, to age.Recipient, at time.Time, signer crypto.Signer) ([]byte, *pkibundle.Manifest) {
	t.Helper()
	var buf bytes.Buffer
	m, err := pkibundle.Seal(&buf, b, []age.Recipient{to}, at, pkibundle.SealOptions{Signer: signer})
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes(), m
}

func TestOpenDemands(t *testing.T) {
	id, signer, other := newIdentity(t), newSigner(t), newSigner(t)
	sealed, m := sealSigned(t, smallBundle(), id.Recipient(), sealedAt, signer)
	unsigned, _ := sealSigned(t, smallBundle(), id.Recipient(), sealedAt, nil)
	forged, _ := sealSigned(t, smallBundle(), id.Recipient(), sealedAt.Add(time.Hour), other)
	from := func(keys ...ed25519.PrivateKey) (o pkibundle.OpenOptions) {
		for _, key := range keys {
			o.Signers = append(o.Signers, public(key))
		}
		return o
	}
	after := func(at time.Time) pkibundle.OpenOptions { return pkibundle.OpenOptions{NotBefore: at} }
	tests := map[string]struct {
		sealed []byte
		opts   pkibundle.OpenOptions
		want   error
	}{
		"nothing":                  {sealed, pkibundle.OpenOptions{}, nil},
		"its digest":               {sealed, pkibundle.OpenOptions{Digest: m.Digest()}, nil},
		"another digest":           {unsigned, pkibundle.OpenOptions{Digest: m.Digest()}, pkibundle.ErrDigest},
		"its signer":               {sealed, from(signer), nil},
		"one of two signers":       {sealed, from(other, signer), nil},
		"another signer":           {forged, from(signer), pkibundle.ErrSigner},
		"a signer, and has none":   {unsigned, from(signer), pkibundle.ErrSigner},
		"a signer of no length":    {unsigned, pkibundle.OpenOptions{Signers: []ed25519.PublicKey{nil}}, pkibundle.ErrSigner},
		"a time before":            {sealed, after(sealedAt.Add(-time.Second)), nil},
		"the very time":            {sealed, after(sealedAt.Add(time.Second - 1)), nil},
		"a time after: a replay":   {sealed, after(sealedAt.Add(time.Second)), pkibundle.ErrTooOld},
		"no signer, nothing asked": {unsigned, pkibundle.OpenOptions{}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b, om, err := pkibundle.Open(bytes.NewReader(test.sealed), []age.Identity{id}, test.opts)
			if !errors.Is(err, test.want) || (b == nil) != (test.want != nil) || (om == nil) != (test.want != nil) {
				t.Errorf("%v, %v, error %v, want %v", b, om, err, test.want)
			}
		})
	}
	if !m.Created.Equal(sealedAt) || !m.Signer.Equal(public(signer)) {
		t.Errorf("the manifest says %v and %v", m.Created, m.Signer)
	}
}

// Of a bundle by somebody else no file is looked at.
func TestSignerIsDemandedFirst(t *testing.T) {
	f := honest()
	f.entries[0].data[0]++
	id := newIdentity(t)
	var buf bytes.Buffer
	w, err := age.Encrypt(&buf, id.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(f.tar(t)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	opts := pkibundle.OpenOptions{Signers: []ed25519.PublicKey{public(newSigner(t))}}
	if _, _, err := pkibundle.Open(&buf, []age.Identity{id}, opts); !errors.Is(err, pkibundle.ErrSigner) || errors.Is(err, pkibundle.ErrCorrupt) {
		t.Errorf("error %v", err)
	}
}

// A signature for another manifest, or for the same bytes in another setting, is none.
func TestForgedSignaturesAreRefused(t *testing.T) {
	signer := newSigner(t)
	id := newIdentity(t)
	sealed, _ := sealSigned(t, smallBundle(), id.Recipient(), sealedAt, signer)
	good := decrypt(t, sealed, id)
	at := bytes.Index(good, []byte("manifest.json.sig\x00")) + 512
	start := bytes.Index(good, []byte(`{"version"`))
	manifest, _, _ := bytes.Cut(good[start:], []byte{0})
	with := func(signature []byte) []byte {
		plain := bytes.Clone(good)
		copy(plain[at:], signature)
		return plain
	}
	prefix := []byte("clustersnap/pkibundle/manifest/1\n")
	wantCorrupt(t, with(make([]byte, 64)), "the signature is not of this manifest")
	wantCorrupt(t, with(ed25519.Sign(signer, manifest)), "the signature is not of this manifest")
	wantCorrupt(t, with(ed25519.Sign(newSigner(t), append(prefix, manifest...))), "the signature is not of this manifest")
	b, err := openPlain(t, with(ed25519.Sign(signer, append(prefix, manifest...)))) // as the format's document has it
	if err != nil || len(b.Files) != 2 {
		t.Errorf("the signature that the document describes: %v, %v", b, err)
	}
}

// badSigner signs something else.
type badSigner struct{ ed25519.PrivateKey }

func (s badSigner) Sign(rand io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.PrivateKey.Sign(rand, append(message, 'x'), opts)
}

type brokenSigner struct{ ed25519.PrivateKey }

var errCard = errors.New("the card was pulled")

func (brokenSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, errCard }

func TestSealRefusesSigners(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for want, signer := range map[string]crypto.Signer{
		"give one of Ed25519": ec, "not of its key": badSigner{newSigner(t)}, "sign manifest.json: the card was pulled": brokenSigner{newSigner(t)},
	} {
		var dst bytes.Buffer
		_, err := pkibundle.Seal(&dst, smallBundle(), []age.Recipient{newIdentity(t).Recipient()}, sealedAt, pkibundle.SealOptions{Signer: signer})
		if err == nil || !strings.Contains(err.Error(), want) || dst.Len() > 0 {
			t.Errorf("error %v and %d bytes, want %q", err, dst.Len(), want)
		}
	}
	// As golang.org/x/crypto/ssh gives a key.
	key := newSigner(t)
	sealSigned(t, smallBundle(), newIdentity(t).Recipient(), sealedAt, &key)
}
