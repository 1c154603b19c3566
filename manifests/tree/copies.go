package tree

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/internal/secretcopy"
	"github.com/clustersnap/clustersnap/manifests"
)

// redactCopies replaces those annotations that may repeat what a Secret holds, in the section of its metadata and in
// what that was read as. Tools that apply objects keep a copy of them there, as kapp does and wrangler, which packs it.
func (k MACKey) redactCopies(of manifests.Key, section []byte, metadata any, held []string) ([]byte, error) {
	fields, _ := metadata.(map[string]any)
	annotations, _ := fields["annotations"].(map[string]any)
	told := map[string]string{}
	for name, value := range annotations {
		text, ok := value.(string)
		if !ok {
			return nil, errors.New("an annotation is no string")
		}
		if mayTell(text, held) {
			sum := k.sum("redact", of.Namespace, of.Name, "annotations", name, text)
			told[name] = fmt.Sprintf("hmac-sha256:%x", sum)
			annotations[name] = told[name]
		}
	}
	if len(told) == 0 {
		return section, nil
	}
	var b bytes.Buffer
	for item := range items(section, 2) {
		if !bytes.HasPrefix(item, []byte("  annotations:\n")) {
			b.Write(item)
			continue
		}
		for one := range items(item, 4) {
			var pair map[string]any
			if yaml.Unmarshal(one, &pair) == nil && len(pair) == 1 {
				for name := range pair {
					if digest := told[name]; digest != "" {
						one = fmt.Appendf(nil, "    %s: %s\n", plainOrQuoted(name), digest)
					}
				}
			}
			b.Write(one)
		}
	}
	return b.Bytes(), nil
}

// items cuts a piece of a document before each line that is indented by so much, and no more.
func items(piece []byte, indent int) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		from, at := 0, 0
		for line := range bytes.Lines(piece) {
			text := bytes.TrimLeft(line, " ")
			if begins := len(line)-len(text) == indent && text[0] != '\n'; begins && at > from {
				if !yield(piece[from:at]) {
					return
				}
				from = at
			}
			at += len(line)
		}
		yield(piece[from:])
	}
}

// minHeld is from how many bytes on a value is looked for within an annotation: shorter ones are everywhere.
const minHeld = 4

// heldBy gives the values of a Secret in all forms in which they may stand elsewhere.
func heldBy(object map[string]any) []string {
	var held []string
	for _, field := range secretFields {
		values, _ := object[field].(map[string]any)
		for _, value := range values {
			text, _ := value.(string)
			held = append(held, secretcopy.Forms(text)...)
		}
	}
	return held
}

// mayTell reports whether an annotation may show what a Secret holds or held: it has one of the values, or is a copy of
// an object, in JSON or YAML or packed.
func mayTell(text string, held []string) bool {
	for _, value := range held {
		if text == value || len(value) >= minHeld && strings.Contains(text, value) {
			return true
		}
	}
	return secretcopy.IsCopy(text) || strings.Contains(text, "data:") || strings.Contains(text, "stringData")
}
