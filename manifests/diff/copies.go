package diff

import (
	"strings"

	"github.com/clustersnap/clustersnap/internal/secretcopy"
)

// Annotations in which tools keep a copy of the object, with all data of a Secret: kubectl apply, kapp and wrangler. The last
// one packs it, so that none of its values are found there.
var copies = []string{
	"kubectl.kubernetes.io/last-applied-configuration",
	"kapp.k14s.io/original",
	"objectset.rio.cattle.io/applied",
}

// heldBy collects the texts that the sides of a Secret hold, as they stand there, decoded and encoded.
func heldBy(trees [sides]any) []string {
	held := map[string]bool{}
	for _, object := range mapsOf(trees) {
		for _, field := range []string{"data", "stringData"} {
			for _, text := range textsIn(object[field], nil) {
				for _, form := range secretcopy.Forms(text) {
					held[form] = true
				}
			}
		}
	}
	texts := make([]string, 0, len(held))
	for text := range held {
		texts = append(texts, text)
	}
	return texts
}

// textsIn adds the texts in a value, whatever its form.
func textsIn(v any, texts []string) []string {
	switch v := v.(type) {
	case map[string]any:
		for _, value := range v {
			texts = textsIn(value, texts)
		}
	case []any:
		for _, value := range v {
			texts = textsIn(value, texts)
		}
	default:
		if text, ok := scalar(v); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// mayTell reports whether the value of an annotation may show what a Secret holds: one of the texts, or a copy of what it held
// once, which is JSON, or JSON that is packed.
func mayTell(value any, held []string) bool {
	text, ok := value.(string)
	if !ok {
		return value != nil // the API server takes texts only
	}
	if secretcopy.IsCopy(text) {
		return true
	}
	for _, secret := range held {
		if strings.Contains(text, secret) {
			return true
		}
	}
	return false
}
