package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/examples/store"
)

const listHelp = `list reads the receipts of the sets in a folder, the newest first, and what
uploads have left there that did not come to their end. It needs no identity.
The exit code is 1 if a receipt is of no use, or its set not there as it says.

The URL of a set shows its receipt alone. All times are UTC.

With an identity it opens one set, of a FILE or a URL, and lists its members.
Of a set in a store little is fetched for that.

A set without a receipt is one whose upload has not ended, or has died, or a
backup to a FILE, or a copy whose receipt is not there yet: copy that first.
MinIO does not tell of parts that uploads have left: it clears them after 24 h.

URLs are those of gocloud.dev/blob:

  file:///DIR/, file://./DIR/
  s3://BUCKET/FOLDER/?region=R     credentials as AWS's own tools find them
     &endpoint=URL                 another server's, such as MinIO's
     &use_path_style=true          for one that has no names for buckets
     &ssetype=aws:kms&kmskeyid=ID  encryption by the server, too
     &object_lock=compliance&retain_days=30, or governance
     &storage_class=STANDARD_IA
  gs://BUCKET/FOLDER/, azblob://CONTAINER/FOLDER/
                                   after go build -tags gs,azblob`

func listCommand() *cobra.Command {
	var identity string
	var as output
	cmd := &cobra.Command{
		Use:   "list URL",
		Short: "List the sets in a store, or the members of a set",
		Long:  listHelp,
		Example: `  clustersnap list file:///mnt/nfs/sets/
  clustersnap list cp1.clustersnap --identity key.txt`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if identity != "" {
				err = listMembers(cmd.Context(), cmd.OutOrStdout(), args[0], identity, as)
			} else if !store.IsURL(args[0]) {
				return usageError{fmt.Errorf("list: %s is no URL: give file:///DIR/ for a folder, or --identity FILE for a set", args[0])}
			} else {
				err = listSets(cmd.Context(), cmd.OutOrStdout(), args[0], as)
			}
			if err != nil {
				return fmt.Errorf("list: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&identity, "identity", "", "the `FILE` with the secret key, or - for standard input")
	as.flag(cmd)
	return cmd
}

func listSets(ctx context.Context, out io.Writer, url string, as output) error {
	from, err := openStore(ctx, url)
	if err != nil {
		return err
	}
	defer from.Close()
	found, err := listing(ctx, from)
	if err != nil {
		return err
	}
	if as.machine() {
		err = as.value(out, found)
	} else {
		printListing(steps{out}, found)
	}
	if n := len(found.Broken); n > 0 && err == nil {
		err = fmt.Errorf("%s of no use in %s: see what is said of each", count(n, "receipt"), url)
	}
	return err
}

// listing is what is in a folder, or the one set by which it was opened.
func listing(ctx context.Context, from *store.Store) (*store.Listing, error) {
	if from.Set() == "" {
		return from.List(ctx)
	}
	r, err := from.Receipt(ctx, from.Set())
	if err != nil {
		return nil, err
	}
	return &store.Listing{Sets: []store.Receipt{r}}, nil
}

func printListing(out steps, found *store.Listing) {
	for _, r := range found.Sets {
		out.line(string(r.Verdict), r.Set)
		out.line("", describeReceipt(r))
	}
	for _, b := range found.Broken {
		out.line("broken", b.Set+": "+b.Why)
	}
	for _, l := range found.Leftovers {
		out.line("leftover", describeLeftover(l))
	}
	out.line("total", fmt.Sprintf("%s, %s", count(len(found.Sets), "set"), count(len(found.Leftovers), "leftover")))
}

func describeReceipt(r store.Receipt) string {
	text := fmt.Sprintf("%s UTC  %s of %s  revision %d  %s",
		r.Created.Format(time.DateTime), r.Node, r.Cluster, r.Revision, mib(r.Size))
	if r.Degraded {
		text += "  degraded"
	}
	if !r.LockedUntil.IsZero() {
		text += "  locked until " + r.LockedUntil.Format(time.DateOnly)
	}
	return text
}

func describeLeftover(l store.Leftover) string {
	return fmt.Sprintf("%s  %s, of %s UTC", l.Name, l.Kind, l.Time.UTC().Format(time.DateTime))
}

// listMembers opens a set, and reads no more of it than its index.
func listMembers(ctx context.Context, out io.Writer, name, identity string, as output) error {
	identities, err := readIdentities(identity)
	if err != nil {
		return err
	}
	set, f, err := openSet(ctx, name, identities)
	if err != nil {
		return err
	}
	err = printMembers(out, set, as)
	return cmp.Or(err, f.Close())
}

func printMembers(out io.Writer, set *clustersnap.Set, as output) error {
	if as.machine() {
		return as.value(out, set.Members())
	}
	var errs error
	for _, m := range set.Members() {
		_, err := fmt.Fprintf(out, "%-14s  %10s  sha256:%s\n", oneLine(m.Name), mib(m.Size), m.SHA256[:16])
		errs = errors.Join(errs, err)
	}
	return errs
}
