package pair

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"math/big"
)

// maxToken is far above the 1 KiB or so of a token, and below what takes long to verify with many keys.
const maxToken = 64 << 10

// signed says whether one of the keys has signed a JSON Web Token (RFC 7519, RFC 7515): with RSA or, for the curves
// that have one, ECDSA, which is what kube-controller-manager signs with (pkg/serviceaccount/jwt.go in
// kubernetes/kubernetes). Which algorithm a key is for is known from the key.
func signed(token []byte, keys []crypto.PublicKey) bool {
	parts := bytes.Split(token, []byte("."))
	if len(token) > maxToken || len(parts) != 3 {
		return false
	}
	algorithm, ok := algorithmOf(parts[0])
	signature, err := base64.RawURLEncoding.Strict().AppendDecode(nil, parts[2])
	if !ok || err != nil {
		return false
	}
	message := token[:len(parts[0])+1+len(parts[1])]
	for _, key := range keys {
		if verifies(key, algorithm, message, signature) {
			return true
		}
	}
	return false
}

// algorithmOf reads the header of a token.
func algorithmOf(text []byte) (string, bool) {
	var header struct {
		Algorithm string `json:"alg"`
	}
	data, err := base64.RawURLEncoding.AppendDecode(nil, text)
	if err != nil || json.Unmarshal(data, &header) != nil {
		return "", false
	}
	return header.Algorithm, true
}

func verifies(key crypto.PublicKey, algorithm string, message, signature []byte) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		sum := sha256.Sum256(message)
		return algorithm == "RS256" && rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) == nil
	case *ecdsa.PublicKey:
		size := (key.Curve.Params().BitSize + 7) / 8
		if own, ok := curves[key.Curve.Params().Name]; !ok || algorithm != own || len(signature) != 2*size {
			return false
		}
		var r, s big.Int
		return ecdsa.Verify(key, digest(algorithm, message), r.SetBytes(signature[:size]), s.SetBytes(signature[size:]))
	}
	return false
}

// curves are those that a token can be signed with, and the names of their algorithms (RFC 7518, section 3.4).
var curves = map[string]string{"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}

func digest(algorithm string, message []byte) []byte {
	switch algorithm {
	case "ES384":
		sum := sha512.Sum384(message)
		return sum[:]
	case "ES512":
		sum := sha512.Sum512(message)
		return sum[:]
	}
	sum := sha256.Sum256(message)
	return sum[:]
}
