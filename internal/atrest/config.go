package atrest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/clustersnap/clustersnap/internal/boundedyaml"
)

// Config is an EncryptionConfiguration. Nil is one that configures nothing. It prints without its keys, and has no
// other form.
type Config struct {
	entries []entry
}

// entry is one of the configuration's resources: names, and the providers that read and write them.
type entry struct {
	resources []Resource
	providers []provider
}

// provider is one way to encrypt. One for a KMS has the KMS's name and no keys, identity has neither.
type provider struct {
	kind string // as a Prefix has it, or identity
	kms  string
	keys []key
}

type key struct {
	name   string
	secret []byte
}

// The kinds of providers, as they stand in the values that they write.
const (
	aesCBC    = "aescbc"
	aesGCM    = "aesgcm"
	secretBox = "secretbox"
	kmsV1     = "kms:v1"
	kmsV2     = "kms:v2"
	identity  = "identity"
)

// keySizes are in bytes (validation_encryption.go in pkg/apis/apiserver/validation of k8s.io/apiserver).
var keySizes = map[string][]int{aesCBC: {16, 24, 32}, aesGCM: {16, 24, 32}, secretBox: {32}}

// The file as it stands, apiserver.config.k8s.io/v1.
type (
	configFile struct {
		APIVersion string      `json:"apiVersion"`
		Kind       string      `json:"kind"`
		Resources  []entryFile `json:"resources"`
	}
	entryFile struct {
		Resources []string       `json:"resources"`
		Providers []providerFile `json:"providers"`
	}
	providerFile struct {
		AESCBC    *keysFile `json:"aescbc"`
		AESGCM    *keysFile `json:"aesgcm"`
		Secretbox *keysFile `json:"secretbox"`
		KMS       *kmsFile  `json:"kms"`
		Identity  *struct{} `json:"identity"`
	}
	keysFile struct {
		Keys []struct {
			Name   string `json:"name"`
			Secret []byte `json:"secret"`
		} `json:"keys"`
	}
	kmsFile struct {
		APIVersion string  `json:"apiVersion"`
		Name       string  `json:"name"`
		Endpoint   string  `json:"endpoint"`
		CacheSize  *int32  `json:"cachesize"`
		Timeout    *string `json:"timeout"`
	}
)

const maxConfig = 1 << 20 // bytes

// Parse reads an EncryptionConfiguration of apiserver.config.k8s.io/v1 in YAML or JSON, of 1 MiB at most, and as
// strictly as kube-apiserver v1.29 and later does when it starts (validation_encryption.go in
// pkg/apis/apiserver/validation of k8s.io/apiserver). Errors say where something is wrong, and nothing of what is there.
func Parse(data []byte) (*Config, error) {
	if len(data) > maxConfig {
		return nil, fmt.Errorf("parse encryption configuration: it has %d bytes, and %d are the most", len(data), maxConfig)
	}
	var file configFile
	if err := boundedyaml.UnmarshalStrict(data, &file); err != nil { // its text may show a key
		file.clear()
		return nil, errors.New("parse encryption configuration: it is not in the form that kube-apiserver reads")
	}
	c, err := file.config()
	if err != nil {
		file.clear()
		return nil, fmt.Errorf("parse encryption configuration: %w", err)
	}
	return c, nil
}

func (f configFile) config() (*Config, error) {
	if f.APIVersion != "apiserver.config.k8s.io/v1" || f.Kind != "EncryptionConfiguration" {
		return nil, errors.New("it is no EncryptionConfiguration of apiserver.config.k8s.io/v1")
	}
	if len(f.Resources) == 0 {
		return nil, errors.New("it has no resources")
	}
	c := &Config{}
	for i, e := range f.Resources {
		read, err := e.entry()
		if err != nil {
			return nil, fmt.Errorf("resources[%d]: %w", i, err)
		}
		c.entries = append(c.entries, read)
	}
	return c, c.uniqueKMS()
}

func (f entryFile) entry() (entry, error) {
	if len(f.Resources) == 0 || len(f.Providers) == 0 {
		return entry{}, errors.New("it has no resources or no providers")
	}
	var e entry
	for _, name := range f.Resources {
		r, err := parseResource(name)
		if err != nil {
			return entry{}, err
		}
		if r.overlaps(e.resources) {
			return entry{}, errors.New("two of its resources are the same, or one covers the other")
		}
		e.resources = append(e.resources, r)
	}
	for i, p := range f.Providers {
		read, err := p.provider()
		if err != nil {
			return entry{}, fmt.Errorf("providers[%d]: %w", i, err)
		}
		e.providers = append(e.providers, read)
	}
	return e, nil
}

func (f providerFile) provider() (provider, error) {
	var found []provider
	for _, with := range []struct {
		kind string
		keys *keysFile
	}{{aesCBC, f.AESCBC}, {aesGCM, f.AESGCM}, {secretBox, f.Secretbox}} {
		if with.keys != nil {
			p := provider{kind: with.kind}
			for _, k := range with.keys.Keys {
				p.keys = append(p.keys, key{k.Name, k.Secret})
			}
			found = append(found, p)
		}
	}
	if f.KMS != nil {
		if err := f.KMS.check(); err != nil {
			return provider{}, err
		}
		found = append(found, provider{kind: f.KMS.kind(), kms: f.KMS.Name})
	}
	if f.Identity != nil {
		found = append(found, provider{kind: identity})
	}
	if len(found) != 1 {
		return provider{}, errors.New("it is not exactly one of aescbc, aesgcm, secretbox, kms and identity")
	}
	return found[0], found[0].check()
}

func (p provider) check() error {
	if p.kind == identity || p.kms != "" {
		return nil
	}
	if len(p.keys) == 0 {
		return errors.New("it has no keys")
	}
	for i, k := range p.keys {
		if k.name == "" {
			return fmt.Errorf("keys[%d] has no name", i)
		}
		if !slices.Contains(keySizes[p.kind], len(k.secret)) {
			return fmt.Errorf("keys[%d] has %d bytes, and one of %s has %v", i, len(k.secret), p.kind, keySizes[p.kind])
		}
	}
	return nil
}

func (f configFile) clear() {
	for _, e := range f.Resources {
		for _, p := range e.Providers {
			for _, k := range []*keysFile{p.AESCBC, p.AESGCM, p.Secretbox} {
				if k == nil {
					continue
				}
				for _, key := range k.Keys {
					clear(key.Secret)
				}
			}
		}
	}
}

// Clear overwrites the keys and empties the configuration. What the reader of YAML has copied is beyond its reach.
func (c *Config) Clear() {
	if c == nil {
		return
	}
	for _, e := range c.entries {
		for _, p := range e.providers {
			for _, k := range p.keys {
				clear(k.secret)
			}
		}
	}
	c.entries = nil
}

// Format writes for every verb how much the configuration holds, and none of it: %#v and %x would show keys otherwise.
func (c Config) Format(s fmt.State, _ rune) {
	fmt.Fprintf(s, "encryption configuration of %d entries [redacted]", len(c.entries))
}

// providersOf gives those of a resource in their order, none if it is not configured: exact names come before
// "*.group", and that before "*.*" (transformerFromOverrides in pkg/server/options/encryptionconfig/config.go of
// k8s.io/apiserver).
func (c *Config) providersOf(r Resource) []provider {
	if c == nil {
		return nil
	}
	for _, name := range []Resource{r, {Group: r.Group, Name: "*"}, {Group: "*", Name: "*"}} {
		var found []provider
		for _, e := range c.entries {
			for _, listed := range e.resources {
				if listed == name {
					found = append(found, e.providers...)
				}
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}
