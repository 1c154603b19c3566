package pair

import (
	"crypto"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"slices"
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
	if signed([]byte(good), nil) {
		t.Error("no key accepts a token")
	}
}

// A key signs with one algorithm alone, whatever else could be verified with it.
func TestSignedKnowsTheAlgorithmFromTheKey(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	for _, c := range []struct {
		key          crypto.Signer
		header, hash string
		want         bool
	}{
		{rsaKey, "RS256", "RS256", true}, {rsaKey, "RS384", "RS256", false}, {rsaKey, "ES256", "RS256", false},
		{newECKey(t, elliptic.P384()), "ES384", "ES384", true}, {newECKey(t, elliptic.P384()), "ES256", "ES256", false},
		{newECKey(t, elliptic.P224()), "", "ES256", false},
	} {
		text := encode(fmt.Appendf(nil, `{"alg":%q}`, c.header)) + "." + encode([]byte("{}"))
		token := text + "." + encode(signature(t, c.key, c.hash, []byte(text)))
		if got := signed([]byte(token), []crypto.PublicKey{c.key.Public()}); got != c.want {
			t.Errorf("%T says %s, signed as %s: %t", c.key, c.header, c.hash, got)
		}
	}
	key := newECKey(t, elliptic.P256())
	text := encode([]byte(`{"alg":"ES256"}`)) + "." + encode([]byte("{}"))
	numbers := signature(t, key, "ES256", []byte(text))
	padded := slices.Concat(numbers[:32], []byte{0}, numbers[32:])
	if signed([]byte(text+"."+encode(padded)), []crypto.PublicKey{&key.PublicKey}) {
		t.Error("a longer form of the same signature is accepted")
	}
}
