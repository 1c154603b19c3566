package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"strings"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/check"
	"github.com/clustersnap/clustersnap/pkibundle/pair"
)

const pairedMember = "pairing.json" // a list of pair.Result

// encryption reads kube-apiserver's EncryptionConfiguration, nil if it has none. The caller clears it.
func (b *backing) encryption() ([]byte, error) {
	if b.node.APIServer == nil || b.node.APIServer.EncryptionConfig.Value == "" {
		return nil, nil
	}
	name := b.node.APIServer.EncryptionConfig.Value
	text, err := fs.ReadFile(b.nodeFS, strings.TrimPrefix(name, "/"))
	if err != nil {
		return nil, fmt.Errorf("read the encryption configuration: %w", err)
	}
	return text, nil
}

// encryptionDigest tells one encryption configuration from another.
func (b *backing) encryptionDigest() ([]byte, error) {
	text, err := b.encryption()
	if err != nil || text == nil {
		return nil, err
	}
	defer clear(text)
	digest := sha256.Sum256(text)
	return digest[:], nil
}

// sameEncryption sees whether the configuration is the one from before: values may be encrypted by a key that is not in the
// bundle, otherwise.
func (b *backing) sameEncryption(before []byte) error {
	after, err := b.encryptionDigest()
	if err == nil && !bytes.Equal(before, after) {
		b.lacks("the encryption configuration has changed meanwhile: run the backup again")
	}
	return err
}

// sealPKI adds the node's files, which the caller clears, and judges them.
func (b *backing) sealPKI() (bundle *pkibundle.Bundle, err error) {
	if bundle, err = pkibundle.Collect(b.nodeFS, b.node.Files, programs(b.node)); err != nil {
		return nil, err
	}
	var pki pkiInfo
	err = b.step("pki", func(progress) (string, error) {
		pki, err = addPKI(b.set, bundle, b.recipients, b.now)
		return count(pki.Files, "file") + " sealed", err
	})
	if err != nil {
		bundle.Clear()
		return nil, err
	}
	for _, missing := range pki.Missing {
		b.out.line("note", fmt.Sprintf("%s names %s: %s", missing.From, missing.Path, missing.Why))
		b.result.NotSaved = append(b.result.NotSaved, unsaved{What: "file", Name: missing.Path, Why: missing.Why})
	}
	b.judgePKI(check.Files(bundle, b.now, check.Options{}))
	return bundle, nil
}

// judgePKI tells of what is to be put right on the node. The backup is as good as that, and lacks nothing itself.
func (b *backing) judgePKI(report *check.Report) {
	for _, m := range report.Missing {
		b.out.line("missing", fmt.Sprintf("%s %s: %s", m.Role, m.Path, m.Matters))
		b.result.NotSaved = append(b.result.NotSaved, unsaved{What: "file", Name: m.Path, Why: m.Matters})
	}
	for _, f := range report.Findings {
		if f.Severity != check.Info {
			b.out.line(string(f.Severity), f.Path+": "+f.Text)
		}
	}
}

// pairUp holds the node's files against the snapshot.
func (b *backing) pairUp(ctx context.Context, bundle *pkibundle.Bundle, db *etcdsnap.Snapshot) error {
	return b.step("pairing", func(progress) (string, error) {
		results, err := paired(ctx, bundle, db)
		if err != nil {
			return "", err
		}
		if err := strangers(results); err != nil {
			b.lacks(err.Error())
		}
		states := map[pair.State]int{}
		for _, r := range results {
			states[r.State]++
		}
		figure := fmt.Sprintf("%s of the node's files and the snapshot: %d match, %d don't, %d have nothing to be held against",
			count(len(results), "pair"), states[pair.Match], states[pair.Mismatch], states[pair.NotCheckable])
		return figure, b.add(pairedMember, results)
	})
}
