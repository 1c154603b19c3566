package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
	"golang.org/x/term"
)

// parseRecipients takes public keys from the command line and from files of one key a line.
func parseRecipients(keys, files []string) ([]age.Recipient, error) {
	var recipients []age.Recipient
	take := func(where, text string) error {
		found, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil {
			return usageError{fmt.Errorf(
				"%s holds no age public keys, age1... and one a line (age-keygen -y gives that of a secret key): %w", where, err)}
		}
		recipients = append(recipients, found...)
		return nil
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read recipients: %w", err)
		}
		if err := take(name, string(b)); err != nil {
			return nil, err
		}
	}
	for _, key := range keys {
		if err := take("--recipient", key); err != nil {
			return nil, err
		}
	}
	if len(recipients) == 0 {
		return nil, usageError{errors.New("no recipient: give --recipient age1..., the public key of whoever may open the backup; " +
			"age-keygen -pq makes a pair")}
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
	if name == "-" && term.IsTerminal(int(os.Stdin.Fd())) {
		fmt.Fprintln(os.Stderr, "Enter the secret key, and end with ^D:")
	}
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("read identity: %w", err)
		}
		defer f.Close()
		in = f
	}
	identities, err := age.ParseIdentities(io.LimitReader(in, 1<<20))
	if err != nil { // age's error may quote what it has read
		return nil, fmt.Errorf("read identity from %s: it holds no age secret key, AGE-SECRET-KEY-...: "+
			"if it is encrypted itself, give what age -d makes of it", name)
	}
	return identities, nil
}
