package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// output is the form in which a command prints what it has found, the flag -o: for people, or all of it for programs.
type output struct {
	form  string
	forms []string // the first one is what is printed without the flag
}

// flag adds -o, for people as a table.
func (o *output) flag(cmd *cobra.Command) { o.flagOf(cmd, "table", "json", "yaml") }

// flagOf adds -o with forms of its own.
func (o *output) flagOf(cmd *cobra.Command, forms ...string) {
	o.form, o.forms = forms[0], forms
	last := len(forms) - 1
	cmd.Flags().VarP(o, "output", "o", "the `FORM`: "+strings.Join(forms[:last], ", ")+" or "+forms[last])
}

func (o *output) String() string { return o.form }
func (o *output) Type() string   { return "FORM" }

func (o *output) Set(form string) error {
	if !slices.Contains(o.forms, form) {
		return fmt.Errorf("it is one of %s", strings.Join(o.forms, ", "))
	}
	o.form = form
	return nil
}

// machine reports whether a program reads it: then nothing else is printed.
func (o output) machine() bool { return o.form == "json" || o.form == "yaml" }

// beside is where what is said beside a value goes: nowhere if a program reads that.
func (o output) beside(out steps) steps {
	if o.machine() {
		return steps{io.Discard}
	}
	return out
}

// value prints one value for a program.
func (o output) value(out io.Writer, v any) error {
	if o.form == "yaml" {
		return printYAML(out, v)
	}
	return printJSON(out, v)
}

// item prints one of many values as it comes: a line of JSON, or a document of YAML.
func (o output) item(out io.Writer, v any) error {
	if o.form != "yaml" {
		return jsonLine(out, v)
	}
	if _, err := io.WriteString(out, "---\n"); err != nil {
		return err
	}
	return printYAML(out, v)
}

// object prints an object that is YAML.
func (o output) object(out io.Writer, text []byte) error {
	if o.form != "json" {
		_, err := out.Write(text)
		return err
	}
	object, err := yaml.YAMLToJSON(text)
	if err != nil {
		return err
	}
	return printJSON(out, json.RawMessage(object))
}

// printYAML prints one value as YAML that can do a terminal no harm. Where something has to be escaped for that it is printed
// as JSON is, which is YAML, too.
func printYAML(out io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	document := text
	if graphic(text) {
		if document, err = yaml.JSONToYAML(text); err != nil {
			return err
		}
	}
	if !graphic(document) {
		return escapedJSON(out, v, func(r rune) string { return fmt.Sprintf(`\U%08x`, r) })
	}
	_, err = out.Write(document)
	return err
}

// graphic reports whether a text can be printed as it is.
func graphic(text []byte) bool {
	return !bytes.ContainsFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsGraphic(r) })
}
