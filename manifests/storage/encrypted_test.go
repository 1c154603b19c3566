package storage

import (
	"crypto/aes"
	blocks "crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

const aSecret = `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":"shop","uid":"u1"},"data":{"a":"Yg=="}}`

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never returns an error
	return b
}

// sealGCM encrypts as kube-apiserver does: pkg/storage/value/encrypt/aes in k8s.io/apiserver.
func sealGCM(t testing.TB, key []byte, kv *mvccpb.KeyValue) {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := blocks.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	nonce := randomBytes(aead.NonceSize())
	kv.Value = append([]byte("k8s:enc:aesgcm:v1:key1:"), aead.Seal(nonce, nonce, kv.Value, kv.Key)...)
}

func configuration(provider string) []byte {
	return []byte("apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n" +
		"- resources: [secrets]\n  providers: [" + provider + ", {identity: {}}]\n")
}

func TestEncrypted(t *testing.T) {
	key := randomBytes(32)
	text := base64.StdEncoding.EncodeToString(key)
	other := base64.StdEncoding.EncodeToString(randomBytes(32))
	plain := stored(t, "/registry/secrets/shop/s", aSecret)
	sealed := stored(t, "/registry/secrets/shop/s", aSecret)
	sealGCM(t, key, sealed)
	moved := *sealed
	moved.Key = []byte("/registry/secrets/shop/t")
	vault := configuration("{kms: {apiVersion: v2, name: vault, endpoint: 'unix:///k.sock'}}")
	kms := keyed("/registry/secrets/shop/s", "k8s:enc:kms:v2:vault:xxx")
	gcm := func(name, key string) []byte {
		return configuration(fmt.Sprintf("{aesgcm: {keys: [{name: %s, secret: %s}]}}", name, key))
	}
	want, err := newDecoder(t, Options{}).Object(plain)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		kv     *mvccpb.KeyValue
		config []byte
		want   string // in the error; empty if there is none
	}{
		"right key":            {sealed, gcm("key1", text), ""},
		"not encrypted":        {plain, gcm("key1", text), ""},
		"no configuration":     {sealed, nil, `by aesgcm with key "key1": the EncryptionConfiguration of kube-apiserver opens it`},
		"wrong key":            {sealed, gcm("key1", other), "does not open it"},
		"no such key":          {sealed, gcm("key2", text), "no such key"},
		"of another key":       {&moved, gcm("key1", text), "does not open it"},
		"KMS, without":         {kms, nil, `encrypted by kms:v2 "vault"`},
		"KMS, with":            {kms, vault, `only the KMS "vault" (v2) opens it`},
		"KMS, configured else": {kms, gcm("key1", text), "no such key"},
	} {
		d := newDecoder(t, Options{Encryption: c.config})
		object, err := d.Object(c.kv)
		entry, entryErr := d.Entry(c.kv)
		opened, meta, valueErr := d.Value(c.kv)
		if c.want == "" {
			if err != nil || entryErr != nil || string(object.YAML) != string(want.YAML) || entry.UID != "u1" {
				t.Errorf("%s: %v, %v", name, err, entryErr)
			}
			if valueErr != nil || string(opened) != string(plain.Value) || meta.Encoding != Protobuf || meta.UID != "u1" {
				t.Errorf("%s: %+v, %v", name, meta, valueErr)
			}
			continue
		}
		for _, err := range []error{err, entryErr, valueErr} {
			if !errors.Is(err, ErrEncrypted) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if strings.Contains(err.Error(), text) || entry.Resource != "secrets" || entry.ResourceVersion == "" || meta.Cipher == "" {
			t.Errorf("%s: %v, %+v", name, err, entry)
		}
	}
}

func TestClosedDecoderOpensNothing(t *testing.T) {
	key := randomBytes(32)
	sealed := stored(t, "/registry/secrets/shop/s", aSecret)
	sealGCM(t, key, sealed)
	d := newDecoder(t, Options{
		Encryption: configuration("{aesgcm: {keys: [{name: key1, secret: " + base64.StdEncoding.EncodeToString(key) + "}]}}"),
	})
	if _, err := d.Object(sealed); err != nil {
		t.Fatal(err)
	}
	d.Close()
	if _, err := d.Object(sealed); !errors.Is(err, ErrEncrypted) {
		t.Errorf("%v", err)
	}
}

func TestNewDecoderRefuses(t *testing.T) {
	for name, opts := range map[string]Options{
		"a level":         {Level: 7},
		"a configuration": {Encryption: []byte("resources: []")},
		"an empty one":    {Encryption: []byte{}},
	} {
		if _, err := NewDecoder(opts); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
