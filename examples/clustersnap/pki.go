package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/examples/store"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/check"
)

func pkiCommand() *cobra.Command {
	return group("pki", "Keep, check and open the TLS and secret files of a node",
		pkiCollectCommand(), pkiCheckCommand(), pkiOpenCommand())
}

func pkiCollectCommand() *cobra.Command {
	var root, to string
	var keys, keyFiles []string
	cmd := &cobra.Command{
		Use:   "collect --to FILE --recipient age1...",
		Short: "Seal the TLS and secret files of this node into one file",
		Long: `Seal the TLS and secret files of this node into one encrypted file: its PKI,
kubeconfigs, manifests, and all that these name in turn. It is what is beside
etcd in the set of "clustersnap backup", by itself, and needs no etcd.

The files are also checked. The file is written whatever they lack, since it
may be all that there is; the exit code is 1 if they are not good. Keep the
digest elsewhere: who demands it when he opens the file gets this one.`,
		Example: `  clustersnap pki collect --to cp1.pki.age --recipients-file recipient.txt`,
		Args:    asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to == "" || to == "-" || store.IsURL(to) {
				return usageError{errors.New("pki collect: give --to FILE: the file appears whole or not at all")}
			}
			recipients, err := parseRecipients(keys, keyFiles)
			if err != nil {
				return err
			}
			if err := collectPKI(steps{cmd.OutOrStdout()}, root, to, recipients, time.Now()); err != nil {
				return fmt.Errorf("pki collect: %w", err)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&root, "root", "/", "where the node's root is, a `DIR`")
	f.StringVar(&to, "to", "", "the `FILE` to write, which must not exist")
	f.StringArrayVar(&keys, "recipient", nil, "a public `KEY` of who may open it (repeatable)")
	f.StringArrayVar(&keyFiles, "recipients-file", nil, "a `FILE` of such keys, one a line (repeatable)")
	return cmd
}

func collectPKI(out steps, root, to string, recipients []age.Recipient, now time.Time) error {
	bundle, err := liveBundle(root)
	if err != nil {
		return err
	}
	defer bundle.Clear()
	file, err := clustersnap.Create(to)
	if err != nil {
		return err
	}
	defer file.Close() // removes it, unless committed
	manifest, err := pkibundle.Seal(file, bundle, recipients, now, pkibundle.SealOptions{})
	if err != nil {
		return err
	}
	if err := file.Commit(); err != nil {
		return err
	}
	out.line("pki", fmt.Sprintf("%s sealed for %s", count(len(bundle.Files), "file"), count(len(recipients), "recipient")))
	out.line("digest", manifest.Digest())
	sayOmitted(out, bundle)
	if err := judge(out, check.Files(bundle, now, check.Options{})); err != nil {
		return fmt.Errorf("%s is written, and %w", to, err)
	}
	out.copied("good", fmt.Sprintf("next: clustersnap pki check %s --identity FILE", shellWord(to)))
	return nil
}

// liveBundle collects the files of a node. The caller clears the bundle.
func liveBundle(root string) (*pkibundle.Bundle, error) {
	nodeFS := kubeadm.NodeFS(root)
	node, err := kubeadm.Read(nodeFS, kubeadm.Options{})
	if err != nil {
		return nil, err
	}
	return pkibundle.Collect(nodeFS, node.Files, programs(node))
}

// sealedBundle opens what "pki collect" has written, or the files in a set, with any digest if none is demanded. The caller
// clears the bundle.
func sealedBundle(ctx context.Context, name, identity, digest string) (*pkibundle.Bundle, error) {
	identities, err := readIdentities(identity)
	if err != nil {
		return nil, err
	}
	set, f, err := openSet(ctx, name, identities)
	if errors.Is(err, clustersnap.ErrCorrupt) && !store.IsURL(name) { // it can be decrypted, and is no set
		return openBundle(name, identities, digest)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var info pkiInfo
	if err := describe(set, pkiMember, &info); err != nil {
		return nil, err
	}
	if digest != "" && info.Digest != digest {
		return nil, fmt.Errorf("open %s: %w", name, pkibundle.ErrDigest)
	}
	return openPKI(set, identities)
}

func openBundle(name string, identities []age.Identity, digest string) (*pkibundle.Bundle, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	bundle, _, err := pkibundle.Open(f, identities, pkibundle.OpenOptions{Digest: digest})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return bundle, nil
}

// sayOmitted tells what is named on the node, and not there.
func sayOmitted(out steps, bundle *pkibundle.Bundle) {
	for _, o := range bundle.Omitted {
		if !o.Harmless {
			out.line("note", fmt.Sprintf("%s names %s: %s", o.From, o.Path, o.Why))
		}
	}
}
