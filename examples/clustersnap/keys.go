package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
)

// parseRecipients takes public keys from the command line and from files of one key a line.
func parseRecipients(keys, files []string) ([]age.Recipient, error) {
	text := strings.Join(keys, "\n")
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read recipients: %w", err)
		}
		text += "\n" + string(b)
	}
	if strings.TrimSpace(text) == "" {
		return nil, usageError{errors.New("no recipient: give --recipient age1..., the public key of whoever may open the backup; age-keygen -pq makes a pair")}
	}
	recipients, err := age.ParseRecipients(strings.NewReader(text))
	if err != nil {
		return nil, usageError{fmt.Errorf("parse recipients: %w", err)}
	}
	return recipients, nil
}

// readIdentities takes secret keys from a file, or from standard input for "-": never from the
// command line, which every user of the machine can read.
func readIdentities(name string) ([]age.Identity, error) {
	if name == "" {
		return nil, usageError{errors.New("no identity: give --identity FILE with the secret key, or - for standard input")}
	}
	in := io.Reader(os.Stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("read identity: %w", err)
		}
		defer f.Close()
		in = f
	}
	identities, err := age.ParseIdentities(io.LimitReader(in, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("read identity from %s: it holds no age secret key that can be used", name)
	}
	return identities, nil
}
