package pkibundle

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
)

const signatureName = "manifest.json.sig"

// signedPrefix stands before the manifest in what is signed, so that a signature for something else is none of a bundle.
const signedPrefix = "clustersnap/pkibundle/manifest/1\n"

func signedText(manifest []byte) []byte { return append([]byte(signedPrefix), manifest...) }

// publicKey is that of a signer; nil if there is none.
func publicKey(signer crypto.Signer) (ed25519.PublicKey, error) {
	if signer == nil {
		return nil, nil
	}
	key, ok := signer.Public().(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("signer has a key of type %T: give one of Ed25519", signer.Public())
	}
	return key, nil
}

// sign signs the manifest; nil if there is no signer.
func sign(signer crypto.Signer, manifest []byte) ([]byte, error) {
	if signer == nil {
		return nil, nil
	}
	text := signedText(manifest)
	signature, err := signer.Sign(rand.Reader, text, crypto.Hash(0))
	if err != nil {
		return nil, fmt.Errorf("sign %s: %w", manifestName, err)
	}
	if !ed25519.Verify(signer.Public().(ed25519.PublicKey), text, signature) { // a signer is somebody else's code
		return nil, errors.New("the signer gives a signature that is not of its key")
	}
	return signature, nil
}
