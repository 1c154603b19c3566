package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/check"
)

// pkiSource is the files that a command is about: sealed ones, or a node's.
type pkiSource struct{ file, identity, digest, root string }

func pkiCheckCommand() *cobra.Command {
	var from pkiSource
	var as output
	cmd := &cobra.Command{
		Use:   "check [FILE --identity FILE | --root DIR]",
		Short: "Say whether a node's TLS and secret files are complete and right",
		Long: `Say whether a node's TLS and secret files are complete and right: those that
"pki collect" has sealed, those in a set, a file's or a URL's, or those of a
node as they are now. Nothing is written.

A verdict says what they are enough for, and findings what is wrong with a
file: keys that are not those of their certificates, another CA's, certificates
that end within 30 days. The exit code is 1 if files are missing, or with one
of them a restored node would not work.`,
		Example: `  clustersnap pki check cp1.pki.age --identity key.txt
  clustersnap pki check cp1.clustersnap --identity key.txt -o json
  clustersnap pki check --root /`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			if from.file = ""; len(args) == 1 {
				from.file = args[0]
			}
			if (from.file == "") == (from.root == "") {
				return usageError{errors.New("pki check: give a FILE with --identity FILE, or --root DIR for the node itself")}
			}
			if from.root != "" && from.identity+from.digest != "" {
				return usageError{errors.New("pki check: --identity and --digest are for a FILE: leave them out with --root")}
			}
			if err := checkPKI(cmd.Context(), cmd.OutOrStdout(), from, as, time.Now()); err != nil {
				return fmt.Errorf("pki check: %w", err)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&from.identity, "identity", "", "the `FILE` with the secret key, or - for standard input")
	f.StringVar(&from.digest, "digest", "", "the `DIGEST` that pki collect has said, to demand")
	f.StringVar(&from.root, "root", "", "where the root of a live node is, a `DIR`")
	as.flag(cmd)
	return cmd
}

// collect gives the files. The caller clears the bundle.
func (s pkiSource) collect(ctx context.Context) (*pkibundle.Bundle, error) {
	if s.root != "" {
		return liveBundle(s.root)
	}
	return sealedBundle(ctx, s.file, s.identity, s.digest)
}

func checkPKI(ctx context.Context, out io.Writer, from pkiSource, as output, now time.Time) error {
	bundle, err := from.collect(ctx)
	if err != nil {
		return err
	}
	defer bundle.Clear()
	report := check.Files(bundle, now, check.Options{})
	if as.machine() {
		if err := as.value(out, report); err != nil {
			return err
		}
		return notGood(report)
	}
	say := steps{out}
	say.line("pki", count(len(bundle.Files), "file"))
	sayOmitted(say, bundle)
	if err := judge(say, report); err != nil {
		return err
	}
	next := "next: clustersnap pki collect --root " + shellWord(from.root) + " --to FILE --recipients-file FILE"
	if from.file != "" {
		next = "next: clustersnap pki open " + shellWord(from.file) + " --identity FILE --to DIR"
	}
	say.copied("good", next)
	return nil
}

// enough says what each verdict means.
var enough = map[check.Verdict]string{
	check.Full:       "enough to restore the node as it was",
	check.SharedOnly: "enough to make the cluster's nodes again, and none of the files of one node alone",
	check.ExternalCA: "enough to restore the node; only who has the cluster CA's key can renew its certificates",
	check.Incomplete: "files are missing",
}

// judge prints a report, and is an error if it is not good.
func judge(out steps, report *check.Report) error {
	out.line("verdict", fmt.Sprintf("%s: %s", report.Verdict, enough[report.Verdict]))
	for _, m := range report.Missing {
		out.line("missing", fmt.Sprintf("%s %s: %s", m.Role, m.Path, m.Matters))
	}
	for _, f := range report.Findings {
		out.line(string(f.Severity), f.Path+": "+f.Text)
	}
	return notGood(report)
}

func notGood(report *check.Report) error {
	fatal := 0
	for _, f := range report.Findings {
		if f.Severity == check.Fatal {
			fatal++
		}
	}
	if report.Verdict != check.Incomplete && fatal == 0 {
		return nil
	}
	return fmt.Errorf("the files are not good (%s missing, %s fatal): put them right on the node, and collect them again",
		count(len(report.Missing), "file"), count(fatal, "finding"))
}
