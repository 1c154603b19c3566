package check

import (
	"encoding/base64"
	"errors"
	"slices"

	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

func (in *inspection) encryption() {
	for _, f := range in.with(role.Encryption) {
		plugins, err := kmsPlugins(f.Data)
		if err != nil {
			in.report(Fatal, BadEncryption, f, "%v: kube-apiserver would not start with it", err)
		}
		for _, name := range plugins {
			in.report(Info, NeedsKMS, f, "what is encrypted at rest cannot be read without the KMS plugin %q and the keys that its service has", name)
		}
	}
}

func kmsPlugins(data []byte) ([]string, error) {
	type keys struct {
		Keys []struct {
			Name   string `json:"name"`
			Secret string `json:"secret"`
		} `json:"keys"`
	}
	var config struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Resources  []struct {
			Resources []string `json:"resources"`
			Providers []struct {
				AESCBC, AESGCM, Secretbox *keys
				Identity                  *struct{}
				KMS                       *struct{ Name string }
			} `json:"providers"`
		} `json:"resources"`
	}
	if yaml.Unmarshal(data, &config) != nil || config.Kind != "EncryptionConfiguration" {
		return nil, errors.New("it is no EncryptionConfiguration")
	}
	var names []string
	for _, r := range config.Resources {
		for _, p := range r.Providers {
			if p.KMS != nil && !slices.Contains(names, p.KMS.Name) {
				names = append(names, p.KMS.Name)
			}
			for _, k := range []*keys{p.AESCBC, p.AESGCM, p.Secretbox} {
				if k == nil {
					continue
				}
				for _, key := range k.Keys {
					if s, err := base64.StdEncoding.DecodeString(key.Secret); err != nil || len(s) < 16 {
						return nil, errors.New("a key of it is no key")
					}
				}
			}
		}
	}
	return names, nil
}
