package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/etcdsnap"
)

func etcdInfoCommand() *cobra.Command {
	var opts etcdsnap.VerifyOptions
	var as output
	cmd := &cobra.Command{
		Use:   "info FILE",
		Short: "Say what an etcd snapshot holds",
		Long: `Say what an etcd snapshot holds, once it is verified.

For each resource: its live keys, what they take, and what is stored of it in
all, older revisions included. The hash is the one that "etcdutl snapshot
status" prints.`,
		Example: `  clustersnap etcd info etcd.snap`,
		Args:    asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			out := steps{cmd.OutOrStdout()}
			info, err := verifyFile(cmd.Context(), as.beside(out), args[0], opts)
			if err != nil {
				return fmt.Errorf("etcd info %s: %w", args[0], err)
			}
			if as.machine() {
				return as.value(out.out, info)
			}
			sayContent(out, info)
			return sayResources(out, info.Content.Keyspace)
		},
	}
	verifyFlags(cmd, &opts)
	as.flag(cmd)
	return cmd
}

func sayContent(out steps, info etcdsnap.Info) {
	c := info.Content
	out.line("revision", fmt.Sprintf("%d, compacted up to %d", c.Revision, c.CompactRevision))
	out.line("raft", fmt.Sprintf("index %d in term %d", c.ConsistentIndex, c.Term))
	version := c.StorageVersion
	if version == "" {
		version = "not stated: etcd 3.5 or older"
	}
	out.line("storage", version)
	out.line("size", fmt.Sprintf("%s, %s of it in use, pages of %d bytes", mib(info.Size), mib(c.InUse), info.PageSize))
	out.line("records", fmt.Sprint(c.Records))
	out.line("hash", fmt.Sprintf("%08x", c.Hash))
	if info.SHA256 != "" {
		out.line("sha256", info.SHA256)
	}
	if c.Auth {
		out.line("auth", "on")
	}
	if c.Downgrade != "" {
		out.line("downgrade", "to "+c.Downgrade+" is under way")
	}
	for _, m := range c.Members {
		what := ""
		if m.Learner {
			what = ", a learner"
		}
		out.line("member", fmt.Sprintf("%s %s at %s%s", m.ID, m.Name, strings.Join(m.PeerURLs, ","), what))
	}
	for _, a := range c.Alarms {
		out.line("alarm", fmt.Sprintf("%s at member %s", a.Kind, a.MemberID))
	}
}

func sayResources(out steps, k *etcdsnap.Keyspace) error {
	t := tabwriter.NewWriter(out.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\nkeys\tlive\trecords\tstored\t  resource")
	for _, r := range k.Resources {
		fmt.Fprintf(t, "%d\t%s\t%d\t%s\t  %s\n", r.Keys, mib(r.Bytes), r.Records, mib(r.RecordBytes), r.Resource)
	}
	return t.Flush()
}
