package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
)

// printable is a name that can do a terminal no harm: anybody may have written a key.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// oneLine is a text, such as a server's, as one line that can do a terminal no harm.
func oneLine(s string) string {
	return printable(strings.NewReplacer("\n", " ", "\t", " ").Replace(s))
}

// jsonLine writes a value as a line of JSON that can do a terminal no harm.
func jsonLine(out io.Writer, value any) error {
	return escapedJSON(out, value, func(r rune) (text string) {
		for _, unit := range utf16.Encode([]rune{r}) {
			text += fmt.Sprintf(`\u%04x`, unit)
		}
		return text
	})
}

// escapedJSON escapes what is not graphic: encoding/json escapes the control characters of ASCII, and leaves those of Unicode,
// such as U+009B, which begins the same sequences as ESC [. Such characters are in strings only.
func escapedJSON(out io.Writer, value any, escape func(rune) string) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	var line bytes.Buffer
	for _, r := range string(text) {
		if unicode.IsGraphic(r) {
			line.WriteRune(r)
		} else {
			line.WriteString(escape(r))
		}
	}
	line.WriteByte('\n')
	_, err = out.Write(line.Bytes())
	return err
}

// printJSON prints one value as JSON for people and programs.
func printJSON(out io.Writer, value any) error {
	var line, text bytes.Buffer
	if err := jsonLine(&line, value); err != nil {
		return err
	}
	if err := json.Indent(&text, line.Bytes(), "", "  "); err != nil {
		return err
	}
	_, err := out.Write(text.Bytes())
	return err
}
