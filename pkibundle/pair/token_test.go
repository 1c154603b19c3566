package pair

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"testing"
)

func TestSigned(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signers := []crypto.Signer{rsaKey, newECKey(t, elliptic.P256()), newECKey(t, elliptic.P384()), newECKey(t, elliptic.P521())}
	all := []crypto.PublicKey{edKey.Public()}
	for _, s := range signers {
		all = append(all, s.Public())
	}
	for i, s := range signers {
		token := sign(t, s)
		if !signed([]byte(token), all) {
			t.Errorf("%T %d: the token is refused", s, i)
		}
		for j, other := range all {
			if ok := signed([]byte(token), []crypto.PublicKey{other}); ok != (j == i+1) {
				t.Errorf("token %d with key %d: %t", i, j, ok)
			}
		}
		for at := 0; at < len(token); at++ {
			if signed([]byte(token[:at]), all) {
				t.Errorf("%T: cut at %d it is accepted", s, at)
			}
		}
		for at := 0; at < len(token); at += 7 {
			flipped := []byte(token)
			flipped[at] ^= 2
			if signed(flipped, all) {
				t.Errorf("%T: with another byte %d it is accepted", s, at)
			}
		}
	}
}

func TestSignedRefuses(t *testing.T) {
	key := newECKey(t, elliptic.P384())
	keys := []crypto.PublicKey{&key.PublicKey}
	encode := base64.RawURLEncoding.EncodeToString
	with := func(header string) string {
		text := encode([]byte(header)) + "." + encode([]byte("{}"))
		return text + "." + encode(signature(t, key, "ES384", []byte(text)))
	}
	if !signed([]byte(with(`{"alg":"ES384"}`)), keys) {
		t.Fatal("the good one is refused")
	}
	good := with(`{"alg":"ES384"}`)
	for name, token := range map[string]string{
		"none":         encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte("{}")) + ".",
		"other curve":  with(`{"alg":"ES256"}`),
		"HMAC":         with(`{"alg":"HS256"}`),
		"no algorithm": with(`{}`),
		"no JSON":      with(`ES384`),
		"four parts":   good + "." + encode([]byte("x")),
		"two parts":    good[:strings.LastIndex(good, ".")],
		"endless":      strings.Replace(good, ".", "."+strings.Repeat("A", maxToken), 1),
		"long":         good + "AA",
		"empty":        "",
		"dots":         "..",
	} {
		if signed([]byte(token), keys) {
			t.Errorf("%s: it is accepted", name)
		}
	}
	text := strings.Repeat("A", maxToken)
	long := encode([]byte(`{"alg":"ES384"}`)) + "." + text
	if signed([]byte(long+"."+encode(signature(t, key, "ES384", []byte(long)))), keys) {
		t.Error("a token without end is accepted")
	}
	var nothing *ecdsa.PrivateKey = key
	if signed([]byte(sign(t, nothing)), nil) {
		t.Error("no key accepts a token")
	}
}
