package main

import (
	"fmt"
	"os"
	"strings"

	"filippo.io/age"
)

// lookFromOutside says what a file shows without an identity, which is never enough.
func lookFromOutside(out steps, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	defer f.Close()
	header, err := age.ExtractHeader(f)
	if err != nil {
		return fmt.Errorf("verify %s: it does not begin as a backup does, with an age header: %w", name, err)
	}
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	var kinds []string
	for line := range strings.Lines(string(header)) {
		if stanza, ok := strings.CutPrefix(line, "-> "); ok {
			kinds = append(kinds, strings.Fields(stanza + " ?")[0])
		}
	}
	out.line("outside", fmt.Sprintf("%s, encrypted with age for %s (%s)", mib(info.Size()), count(len(kinds), "recipient"), strings.Join(kinds, ", ")))
	return fmt.Errorf("verify %s: contents not checked: give --identity FILE", name)
}
