package atrest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"

	"golang.org/x/crypto/nacl/secretbox"
)

var (
	// ErrNoKey says that the configuration has no key by the name in the value, for the resource and kind of provider.
	ErrNoKey = errors.New("the configuration has no such key for the resource")
	// ErrWrongKey says that the key by the name in the value does not open it: the key is another, or the value is
	// damaged.
	ErrWrongKey = errors.New("the key of that name does not open it")
	// ErrNoIdentity says that a value is not encrypted where all must be: the resource has no provider identity.
	ErrNoIdentity = errors.New("it is not encrypted, and the configuration has no provider identity for the resource")
)

// KMSError says that only a KMS opens a value.
type KMSError struct{ Version, Name string } // "v1" or "v2", and as the configuration calls it

func (e *KMSError) Error() string {
	return fmt.Sprintf("only the KMS %.63q (%s) opens it", e.Name, e.Version)
}

// Prefix says how a value was encrypted.
type Prefix struct {
	// Kind is "aescbc", "aesgcm", "secretbox", "kms:v1" or "kms:v2"; empty for one that is not known.
	Kind string
	// Key is the name of the key, or of the KMS, up to its first colon: the value doesn't tell where a name with
	// colons ends.
	Key string
}

const (
	encrypted = "k8s:enc:" // what kube-apiserver reserves for encrypted values
	maxName   = 256        // bytes that are searched for the end of a name
)

// kinds are the providers that encrypt, and what follows their names in a value
// (pkg/server/options/encryptionconfig/config.go in k8s.io/apiserver).
var kinds = map[string]string{
	aesCBC: "aescbc:v1:", aesGCM: "aesgcm:v1:", secretBox: "secretbox:v1:", kmsV1: "kms:v1:", kmsV2: "kms:v2:",
}

// PrefixOf reads the beginning of a value; ok is false if the value is not encrypted.
func PrefixOf(value []byte) (p Prefix, ok bool) {
	rest, ok := bytes.CutPrefix(value, []byte(encrypted))
	if !ok {
		return Prefix{}, false
	}
	for kind, begin := range kinds {
		if rest, ok := bytes.CutPrefix(rest, []byte(begin)); ok {
			p.Kind = kind
			if end := bytes.IndexByte(rest[:min(len(rest), maxName)], ':'); end >= 0 {
				p.Key = string(rest[:end])
			}
		}
	}
	return p, true
}

// Decrypt gives an object as kube-apiserver encoded it, from the value that etcd holds under a key. It is a new
// slice, or value itself if that is not encrypted.
//
// The error wraps [ErrNoKey], [ErrWrongKey] or [ErrNoIdentity], or is a [*KMSError].
func (c *Config) Decrypt(r Resource, etcdKey, value []byte) ([]byte, error) {
	providers := c.providersOf(r)
	rest, ok := bytes.CutPrefix(value, []byte(encrypted))
	if !ok {
		return value, plain(providers)
	}
	failure := ErrNoKey
	for _, p := range providers { // all that match are tried, as there can be several of one name
		rest, ok := bytes.CutPrefix(rest, []byte(kinds[p.kind]))
		if !ok || p.kind == identity {
			continue
		}
		if p.kms != "" {
			if bytes.HasPrefix(rest, []byte(p.kms+":")) {
				failure = &KMSError{Version: p.kind[len("kms:"):], Name: p.kms}
			}
			continue
		}
		for _, k := range p.keys {
			sealed, ok := bytes.CutPrefix(rest, []byte(k.name+":"))
			if !ok {
				continue
			}
			if object, ok := openers[p.kind](k.secret, sealed, etcdKey); ok {
				return object, nil
			}
			failure = ErrWrongKey
		}
	}
	return nil, failure
}

// plain says whether kube-apiserver reads a value that is not encrypted.
func plain(providers []provider) error {
	for _, p := range providers {
		if p.kind == identity {
			return nil
		}
	}
	if len(providers) > 0 {
		return ErrNoIdentity
	}
	return nil
}

// openers undo what the packages below pkg/storage/value/encrypt of k8s.io/apiserver do.
var openers = map[string]func(key, sealed, etcdKey []byte) ([]byte, bool){
	aesCBC: openCBC, aesGCM: openGCM, secretBox: openBox,
}

// openCBC reads an initialization vector, then blocks of which the last are padded (PKCS #7). Nothing authenticates
// them, and of wrong keys one in 256 leaves a padding that is right: so the object must begin as one does, too.
func openCBC(key, sealed, _ []byte) ([]byte, bool) {
	block, err := aes.NewCipher(key)
	if err != nil || len(sealed) < 2*aes.BlockSize || len(sealed)%aes.BlockSize != 0 {
		return nil, false
	}
	object := make([]byte, len(sealed)-aes.BlockSize)
	cipher.NewCBCDecrypter(block, sealed[:aes.BlockSize]).CryptBlocks(object, sealed[aes.BlockSize:])
	last := object[len(object)-1]
	size := len(object) - int(last)
	if last == 0 || size < 0 || !bytes.Equal(object[size:], bytes.Repeat([]byte{last}, int(last))) || !begins(object[:size]) {
		return nil, false
	}
	return object[:size], true
}

// forms are how objects begin: protobuf, JSON, CBOR and YAML.
var forms = []string{"k8s\x00", "{\"", "\xd9\xd9\xf7", "apiVersion:"}

func begins(object []byte) bool {
	for _, form := range forms {
		if bytes.HasPrefix(object, []byte(form)) {
			return true
		}
	}
	return false
}

// openGCM reads a nonce and what is sealed, which is bound to the place in etcd.
func openGCM(key, sealed, etcdKey []byte) ([]byte, bool) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, false
	}
	aead, err := cipher.NewGCM(block)
	if err != nil || len(sealed) < aead.NonceSize() {
		return nil, false
	}
	object, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], etcdKey)
	return object, err == nil
}

// openBox reads a nonce and what is sealed.
func openBox(key, sealed, _ []byte) ([]byte, bool) {
	var nonce [24]byte
	var k [32]byte
	defer clear(k[:])
	if copy(nonce[:], sealed) < len(nonce) || copy(k[:], key) < len(k) {
		return nil, false
	}
	return secretbox.Open(nil, sealed[len(nonce):], &nonce, &k)
}
