package tree

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/manifests"
)

// secretFields are the parts of a Secret that are secret.
var secretFields = []string{"data", "stringData"}

// Redact gives the canonical form of a core Secret with each value replaced by its digest under the key. The digest
// differs between Secrets and between the values of one, also where the values are the same. It is no base64, so no API
// server takes the result for a Secret. So are annotations treated that may repeat the values: those that have one, in
// base64 or decoded, or that are or hold a copy of an object, as JSON, YAML, or packed by gzip or zstd. A tree that is
// opened with [Redact] holds what this gives, so it is also what a live Secret has to go through to be held against it.
func (k MACKey) Redact(of manifests.Key, canonical []byte) ([]byte, error) {
	if k.isZero() {
		return nil, errors.New("redact Secret: there is no key: see NewMACKey")
	}
	redacted, err := k.redact(of, canonical)
	if err != nil {
		return nil, fmt.Errorf("redact %v: %w", of, err)
	}
	return redacted, nil
}

func (k MACKey) redact(of manifests.Key, canonical []byte) ([]byte, error) {
	var object map[string]any
	if err := yaml.UnmarshalStrict(canonical, &object); err != nil {
		return nil, errors.New("it is no YAML") // the error would quote it
	}
	secret := map[string]map[string]any{}
	for _, field := range secretFields {
		if value, there := object[field]; there {
			values, ok := value.(map[string]any)
			if !ok {
				return nil, fmt.Errorf("%s is no map", field)
			}
			secret[field] = values
		}
	}
	held := heldBy(object)
	var b bytes.Buffer
	for field, section := range sections(canonical) {
		if field == "metadata" {
			var err error
			if section, err = k.redactCopies(of, section, object[field], held); err != nil {
				return nil, err
			}
		}
		values := secret[field]
		delete(secret, field)
		if len(values) == 0 {
			b.Write(section)
			continue
		}
		fmt.Fprintf(&b, "%s:\n", field)
		for _, name := range slices.Sorted(maps.Keys(values)) {
			value, ok := values[name].(string)
			if !ok {
				return nil, fmt.Errorf("a value of %s is no string", field)
			}
			sum := k.sum("redact", of.Namespace, of.Name, field, name, value)
			digest := "hmac-sha256:" + hex.EncodeToString(sum[:])
			values[name] = digest
			fmt.Fprintf(&b, "  %s: %s\n", plainOrQuoted(name), digest)
		}
	}
	// Read again: a value that slipped through for a form of YAML that is not known here must not be written.
	var again map[string]any
	if err := yaml.UnmarshalStrict(b.Bytes(), &again); err != nil || len(secret) > 0 || !reflect.DeepEqual(again, object) {
		return nil, errors.New("it is in no canonical form")
	}
	return b.Bytes(), nil
}

// sections gives the parts of a document that its top-level keys begin, and these keys where they are plain.
func sections(document []byte) func(yield func(string, []byte) bool) {
	return func(yield func(string, []byte) bool) {
		for len(document) > 0 {
			end := len(document)
			for at := 0; ; {
				next := bytes.IndexByte(document[at:], '\n') + 1
				if at += next; next == 0 || at == len(document) {
					break
				}
				if c := document[at]; c != ' ' && c != '-' && c != '\n' {
					end = at
					break
				}
			}
			field, _, _ := strings.Cut(string(document[:min(end, 32)]), ":")
			if !yield(field, document[:end]) {
				return
			}
			document = document[end:]
		}
	}
}

// plainOrQuoted writes a key of a Secret. It is of letters, digits, dots, dashes, underscores and, in an
// annotation, a slash, so it is for its first
// byte or for these words only that YAML could take it for something else.
func plainOrQuoted(key string) string {
	words := []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
	letter := key != "" && ('a' <= key[0]|0x20 && key[0]|0x20 <= 'z')
	if letter && !slices.Contains(words, strings.ToLower(key)) && strings.Trim(key, keyBytes) == "" {
		return key
	}
	return strconv.QuoteToASCII(key)
}

const keyBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/"
