package diff

import (
	"context"
	"iter"

	"github.com/clustersnap/clustersnap/manifests"
)

// Redacted is a side whose Secrets go through a function before they are compared, such as the Redact of a tree's MACKey:
// that is how a live Secret is held against one that a tree has redacted. The function is given the key and the canonical
// YAML.
func Redacted(s Side, redact func(of manifests.Key, canonical []byte) ([]byte, error)) Side {
	r := redacted{s, redact}
	if v, ok := s.(versioned); ok {
		return redactedVersions{r, v}
	}
	return r
}

type redacted struct {
	side   Side
	redact func(of manifests.Key, canonical []byte) ([]byte, error)
}

// Entries implements [Side]. The hash of a Secret is not of what is compared.
func (r redacted) Entries(ctx context.Context) iter.Seq2[manifests.Entry, error] {
	return func(yield func(manifests.Entry, error) bool) {
		for e, err := range r.side.Entries(ctx) {
			if isSecret(e.Key) {
				e.Hash = ""
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// Object implements [Side].
func (r redacted) Object(ctx context.Context, e manifests.Entry) ([]byte, error) {
	return r.pass(e)(r.side.Object(ctx, e))
}

// Classified gives an object with its class.
func (r redacted) Classified(ctx context.Context, e manifests.Entry) ([]byte, manifests.Class, error) {
	text, class, err := classified(ctx, r.side, e)
	text, err = r.pass(e)(text, err)
	return text, class, err
}

// pass redacts what a method of the side has given.
func (r redacted) pass(e manifests.Entry) func(text []byte, err error) ([]byte, error) {
	return func(text []byte, err error) ([]byte, error) {
		if err != nil || !isSecret(e.Key) {
			return text, err
		}
		return r.redact(e.Key, text)
	}
}

// Seen says what the side has looked at.
func (r redacted) Seen() *manifests.Report { return viewOf(r.side).report }

func (r redacted) place(key manifests.Key) string {
	if p, ok := r.side.(placer); ok {
		return p.place(key)
	}
	return ""
}

func (r redacted) written(ctx context.Context, e manifests.Entry) ([]byte, manifests.Class, error) {
	w, ok := r.side.(writer)
	if !ok {
		return r.Classified(ctx, e)
	}
	text, class, err := w.written(ctx, e)
	text, err = r.pass(e)(text, err)
	return text, class, err
}

// redactedVersions is a redacted side that has its objects in all versions.
type redactedVersions struct {
	redacted
	versions versioned
}

// InVersion gives an object in another version of its kind.
func (r redactedVersions) InVersion(ctx context.Context, e manifests.Entry, apiVersion string) ([]byte, error) {
	return r.pass(e)(r.versions.InVersion(ctx, e, apiVersion))
}

// isSecret reports whether a key is of a core Secret.
func isSecret(key manifests.Key) bool { return key.Group == "" && key.Resource == "secrets" }
