package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

// lookFromOutside says what a file shows without an identity, which is never enough.
func lookFromOutside(ctx context.Context, out steps, name string) error {
	f, size, err := openSealed(ctx, name)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	defer f.Close()
	if is, err := beginsAsSet(f); err != nil || !is {
		return fmt.Errorf("verify %s: %w", name, cmp.Or(err, errOther))
	}
	header, err := age.ExtractHeader(io.NewSectionReader(f, 0, size))
	if err != nil {
		return fmt.Errorf("verify %s: %w", name, damaged("it", err))
	}
	var kinds []string
	for line := range strings.Lines(string(header)) {
		if stanza, ok := strings.CutPrefix(line, "-> "); ok {
			kinds = append(kinds, strings.Fields(stanza + " ?")[0])
		}
	}
	out.line("outside", fmt.Sprintf("%s, encrypted with age for %s (%s)",
		mib(size), count(len(kinds), "recipient"), strings.Join(kinds, ", ")))
	if s, ok := f.(storedSet); ok {
		if err := out.do("receipt", func(progress) (string, error) {
			return fmt.Sprintf("%s at revision %d, every byte is as it was written", s.receipt.Node, s.receipt.Revision),
				s.store.ReadBack(ctx, s.receipt)
		}); err != nil {
			return fmt.Errorf("verify: %w", err)
		}
	}
	return fmt.Errorf("verify %s: contents not checked: give --identity FILE", name)
}
