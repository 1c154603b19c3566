package atrest

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
)

// kind is that of the provider, empty for a version that is not known.
func (f kmsFile) kind() string {
	return map[string]string{"": kmsV1, "v1": kmsV1, "v2": kmsV2}[f.APIVersion]
}

// check gives kube-apiserver's defaults to what is not there (defaults.go in pkg/apis/apiserver/v1 of k8s.io/apiserver).
func (f kmsFile) check() error {
	timeout, err := 3*time.Second, error(nil)
	if f.Timeout != nil {
		timeout, err = time.ParseDuration(*f.Timeout)
	}
	endpoint, noURL := url.Parse(f.Endpoint)
	v2 := f.kind() == kmsV2
	switch {
	case f.kind() == "":
		return errors.New("the KMS has an apiVersion that is neither v1 nor v2")
	case f.Name == "":
		return errors.New("the KMS has no name")
	case v2 && strings.Contains(f.Name, ":"):
		return errors.New("the KMS has a colon in its name")
	case noURL != nil || endpoint.Scheme != "unix":
		return errors.New("the KMS has no endpoint that begins with unix://")
	case err != nil || timeout <= 0:
		return errors.New("the KMS has a timeout that is no time")
	case v2 && f.CacheSize != nil:
		return errors.New("the KMS has a cachesize, which v2 does not know")
	case f.CacheSize != nil && *f.CacheSize == 0:
		return errors.New("the KMS has a cachesize of 0")
	}
	return nil
}

// uniqueKMS says whether each KMS of v2 has a name that none before it has.
func (c *Config) uniqueKMS() error {
	seen := map[string]bool{}
	for _, e := range c.entries {
		for _, p := range e.providers {
			if p.kind == kmsV2 && seen[p.kms] {
				return errors.New("two KMSs have one name")
			}
			seen[p.kms] = p.kms != ""
		}
	}
	return nil
}

// KMS gives the names of the KMSs that the configuration reads or writes with, sorted.
func (c *Config) KMS() []string {
	if c == nil {
		return nil
	}
	var names []string
	for _, e := range c.entries {
		for _, p := range e.providers {
			if p.kms != "" {
				names = append(names, p.kms)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
