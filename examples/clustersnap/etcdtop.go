package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/examples/clustersnap/treemap"
	"github.com/clustersnap/clustersnap/manifests/storage/usage"
)

// etcdTop is what to show of what fills etcd.
type etcdTop struct {
	by, sort string
	n        int
	prefix   string
	as       output
	html     string
	set      setFlags
}

func etcdTopCommand() *cobra.Command {
	var o etcdTop
	cmd := &cobra.Command{
		Use:   "top FILE",
		Short: "Say what fills an etcd, from a snapshot",
		Long: `Say what fills an etcd, from a snapshot: which resources, namespaces and objects
take most, live and in older revisions, and which objects change most.

It goes by resource, namespace or object, sorted by what is live, stored (older
revisions included), revisions or keys. Values that are encrypted at rest count
like others. The snapshot is not verified: "etcd verify" does that. It may be
that of a backup, a FILE or a URL with --identity.

--html writes a page with a map of it all, for any browser, without a network.
It has the names of all objects in it, those of Secrets too: it is made in mode
0600, and never over a file that is there.`,
		Example: `  clustersnap etcd top etcd.snap
  clustersnap etcd top --by object --sort revisions etcd.snap
  clustersnap etcd top --html etcd.html etcd.snap`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return usageError{fmt.Errorf("etcd top: %w", err)}
			}
			if err := o.run(cmd.Context(), cmd.OutOrStdout(), args[0]); err != nil {
				return fmt.Errorf("etcd top %s: %w", args[0], err)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.by, "by", "resource", "what a line is of, a `LEVEL`")
	f.StringVar(&o.sort, "sort", "stored", "what comes first, a `SIZE`")
	f.IntVarP(&o.n, "lines", "n", 20, "how many lines, a `NUMBER`; 0 is all, 20 of objects")
	o.as.flag(cmd)
	f.StringVar(&o.html, "html", "", "write a page to this new `FILE`")
	o.set.flags(cmd)
	f.StringVar(&o.prefix, "etcd-prefix", etcdsnap.DefaultPrefix, "kube-apiserver's `PATH`")
	return cmd
}

func (o etcdTop) check() error {
	if _, ok := topLess[o.sort]; !ok {
		return fmt.Errorf("--sort is %q: want live, stored, revisions or keys", o.sort)
	}
	switch {
	case o.by != "resource" && o.by != "namespace" && o.by != "object":
		return fmt.Errorf("--by is %q: want resource, namespace or object", o.by)
	case o.by == "object" && o.sort == "keys":
		return errors.New("an object has one key: sort objects by live, stored or revisions")
	case o.n < 0:
		return errors.New("--lines must not be negative")
	case o.as.machine() && o.html != "":
		return errors.New("--html writes a page: leave -o out")
	default:
		return nil
	}
}

// pageObjects is how many objects of a namespace a page shows.
const pageObjects = 200

func (o etcdTop) run(ctx context.Context, out io.Writer, name string) error {
	snap, err := o.set.database(ctx, name)
	if err != nil {
		return err
	}
	defer snap.close()
	opts := usage.Options{Prefix: o.prefix, Compacted: snap.CompactRevision(), Top: o.n}
	if o.html != "" {
		opts.Top, opts.Objects = 0, pageObjects
	}
	report, err := usage.Count(snap.Events(ctx, "", 0), opts)
	switch {
	case err != nil:
		return err
	case o.html != "":
		return writePage(steps{out}, o.html, report, treemap.About{Name: filepath.Base(name), Size: snap.size})
	case o.as.machine():
		return o.as.value(out, report)
	default:
		sayTotal(steps{out}, report, snap.size)
		return o.table(out, report)
	}
}

func writePage(out steps, name string, report *usage.Report, about treemap.About) error {
	f, err := clustersnap.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := errors.Join(treemap.Write(f, report, about), f.Commit()); err != nil {
		return err
	}
	out.line("good", name+" shows what fills etcd: open it in a browser")
	return nil
}

func sayTotal(out steps, r *usage.Report, size int64) {
	t := r.Total
	out.line("snapshot", fmt.Sprintf("%s at revision %d, compacted up to %d", mib(size), r.Revision, r.Compacted))
	out.line("live", fmt.Sprintf("%s in %s", mib(t.Bytes), count(int(t.Keys), "key")))
	out.line("old", fmt.Sprintf("%s of older revisions and tombstones: compaction frees them", mib(t.RecordBytes-t.Bytes)))
	out.line("other", mib(max(0, size-t.RecordBytes))+" of indexes, and free pages that defragmentation gives back")
}
