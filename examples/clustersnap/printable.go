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

// jsonLine writes a value as a line of JSON that can do a terminal no harm: encoding/json escapes the control characters of
// ASCII, and leaves those of Unicode, such as U+009B, which begins the same sequences as ESC [.
func jsonLine(out io.Writer, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	var line bytes.Buffer
	for _, r := range string(text) {
		if unicode.IsGraphic(r) {
			line.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) { // which are in strings only
			fmt.Fprintf(&line, `\u%04x`, unit)
		}
	}
	line.WriteByte('\n')
	_, err = out.Write(line.Bytes())
	return err
}
