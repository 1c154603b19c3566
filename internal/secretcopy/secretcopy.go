// Package secretcopy knows the value of a Secret, and the Secret as a whole, where other tools repeat them.
package secretcopy

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// Forms gives the texts in which one value of a Secret's data or stringData may stand elsewhere: as it stands there, decoded, and
// encoded, which are without padding. None of them is empty.
func Forms(value string) []string {
	if value == "" {
		return nil
	}
	forms := []string{value, unpadded(base64.StdEncoding.EncodeToString([]byte(value)))}
	if decoded, err := base64.StdEncoding.DecodeString(value); err == nil && len(decoded) > 0 {
		forms = append(forms, string(decoded), unpadded(value))
	}
	return forms
}

// IsCopy reports whether a text may be a whole object, as kapp and wrangler keep one in an annotation: JSON, or packed by gzip or zstd,
// in itself or in base64.
func IsCopy(text string) bool {
	bare := strings.NewReplacer("-", "+", "_", "/", "\n", "").Replace(strings.TrimRight(text, "=\n"))
	decoded, err := base64.RawStdEncoding.DecodeString(bare)
	return begins([]byte(text)) || err == nil && begins(decoded)
}

// begins goes by how JSON, gzip and zstd begin.
func begins(text []byte) bool {
	for _, magic := range []string{"{", "[", "\x1f\x8b", "\x28\xb5\x2f\xfd"} {
		if bytes.HasPrefix(bytes.TrimSpace(text), []byte(magic)) {
			return true
		}
	}
	return false
}

func unpadded(text string) string { return strings.TrimRight(text, "=") }
