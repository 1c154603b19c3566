package secretcopy_test

import (
	"slices"
	"testing"

	"github.com/clustersnap/clustersnap/internal/secretcopy"
)

func TestForms(t *testing.T) {
	for value, want := range map[string][]string{
		"":         nil,
		"hidden":   {"hidden", "aGlkZGVu"},
		"cGFzcw==": {"cGFzcw==", "Y0dGemN3PT0", "pass", "cGFzcw"},
	} {
		if got := secretcopy.Forms(value); !slices.Equal(got, want) {
			t.Errorf("%q has the forms %q, want %q", value, got, want)
		}
	}
}

func TestIsCopy(t *testing.T) {
	for text, want := range map[string]bool{
		`{"data":{}}`: true, "\n [1]": true, "eyJkYXRhIjp7fX0=": true, "eyJkYXRhIjp7fX0": true, "H4sIAAAA": true, "KLUv_Q==": true,
		"": false, "true": false, "a note": false, "cGFzcw==": false,
	} {
		if got := secretcopy.IsCopy(text); got != want {
			t.Errorf("%q is a copy: %t, want %t", text, got, want)
		}
	}
}
