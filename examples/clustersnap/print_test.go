package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"

	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
	"github.com/clustersnap/clustersnap/manifests/storage/history"
)

// Whoever may write a name, or answer for a server, must not write on the terminal.
func TestTerminalsAreSafe(t *testing.T) {
	const bad = "a\x1b[2J\u202e\u009bz\tb\rc\ngood      1 written"
	key := manifests.Key{Resource: bad, Namespace: bad, Name: bad}
	for name, show := range map[string]func(*bytes.Buffer) error{
		"a step": func(b *bytes.Buffer) error { steps{b}.line("blocked", bad); return nil },
		"entries": func(b *bytes.Buffer) error {
			err := printEntries(b, []manifests.Entry{{Key: key, ResourceVersion: bad, Class: bad}}, output{})
			return errors.Join(err, cutHeading(b))
		},
		"what could not be seen": func(b *bytes.Buffer) error {
			o := manifests.Outcome{Resource: manifests.Resource{Group: bad, Resource: bad}, Namespace: bad, Why: bad}
			printSummary(b, &diff.Summary{MissingA: []manifests.Outcome{o}})
			return cutHeading(b)
		},
		"entries in JSON": func(b *bytes.Buffer) error {
			return printEntries(b, []manifests.Entry{{Key: key, ResourceVersion: bad, Class: bad}}, output{form: "json"})
		},
		"a version in YAML": func(b *bytes.Buffer) error {
			as := output{form: "yaml"}
			err := historyOutput{as: as}.version(b, &history.Version{Step: bad, Err: errorText(bad)}, nil)
			return errors.Join(err, cutHeading(b))
		},
		"a version in JSON": func(b *bytes.Buffer) error {
			return historyOutput{as: output{form: "json"}}.version(b, &history.Version{Step: bad, Err: errorText(bad)}, nil)
		},
		"a version": func(b *bytes.Buffer) error {
			return historyOutput{}.version(b, &history.Version{Step: history.Changed, Err: errorText(bad)}, nil)
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

func cutHeading(b *bytes.Buffer) error {
	_, err := b.ReadString('\n')
	return err
}

var hostileTexts = []string{
	"plain \u00e4 \u4e2d", "a\x1b[2J\u202e\u009bz\tb\rc\n\u0000\u2028\x7f", "\U000e0001\U0001f600 \\u009b \\\u009b",
}

// What is printed as YAML is read as what it was, and does a terminal no harm.
func TestYAMLIsWhatItWas(t *testing.T) {
	for _, text := range append(hostileTexts, "two\nlines\n", "yes", "12", "a\ttab") {
		var b bytes.Buffer
		if err := printYAML(&b, map[string]any{text: text, "number": int64(1) << 60}); err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := yaml.Unmarshal(b.Bytes(), &got); err != nil || got[text] != text {
			t.Errorf("%q is printed as %q, and read as %q (%v)", text, b.String(), got, err)
		}
		if strings.ContainsFunc(b.String(), func(r rune) bool { return r != '\n' && !unicode.IsGraphic(r) }) {
			t.Errorf("%q is printed as %q", text, b.String())
		}
		if !strings.Contains(b.String(), "1152921504606846976") {
			t.Errorf("a large number is printed as %s", b.String())
		}
	}
}

// What is printed as JSON is read as what it was.
func TestJSONIsWhatItWas(t *testing.T) {
	for _, text := range hostileTexts {
		var b bytes.Buffer
		if err := jsonLine(&b, map[string]string{text: text}); err != nil {
			t.Fatal(err)
		}
		var got map[string]string
		if err := json.Unmarshal(b.Bytes(), &got); err != nil || got[text] != text || strings.Count(b.String(), "\n") != 1 {
			t.Errorf("%q is printed as %q, and read as %q (%v)", text, b.String(), got, err)
		}
	}
	var b bytes.Buffer
	if err := jsonLine(&b, make(chan int)); err == nil || b.Len() > 0 {
		t.Errorf("what is no JSON is printed as %q", b.String())
	}
}

type errorText string

func (e errorText) Error() string { return string(e) }
