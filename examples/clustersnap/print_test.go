package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// Whoever may write a name, or answer for a server, must not write on the terminal.
func TestTerminalsAreSafe(t *testing.T) {
	const bad = "a\x1b[2J\u202e\u009bz\tb\rc\ngood      1 written"
	key := manifests.Key{Resource: bad, Namespace: bad, Name: bad}
	for name, show := range map[string]func(*bytes.Buffer) error{
		"a step": func(b *bytes.Buffer) error { steps{b}.line("blocked", bad); return nil },
		"entries": func(b *bytes.Buffer) error {
			err := printEntries(b, []manifests.Entry{{Key: key, ResourceVersion: bad, Class: bad}}, false)
			_, after, _ := strings.Cut(b.String(), "\n") // the heading
			b.Reset()
			b.WriteString(after)
			return err
		},
		"a version": func(b *bytes.Buffer) error {
			return historyOutput{}.version(b, &storage.Version{Step: storage.Changed, Err: errorText(bad)}, nil)
		},
	} {
		var b bytes.Buffer
		if err := show(&b); err != nil {
			t.Fatal(err)
		}
		text, ended := strings.CutSuffix(b.String(), "\n")
		if !ended || text == "" || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsGraphic(r) }) {
			t.Errorf("%s is printed as %q", name, b.String())
		}
	}
}

type errorText string

func (e errorText) Error() string { return string(e) }
