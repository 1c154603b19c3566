package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/clustersnap/clustersnap/manifests"
)

const lsHelp = `ls lists the objects of SOURCE: an etcd snapshot, a backup, a directory that
"manifests dump" has written, none of which needs a cluster, or "live": every
kind that the cluster serves. REVISION is when etcd took the version: the
resourceVersion of the API.

A backup is a FILE or a URL, and wants --identity.

KIND is what kubectl takes: deployment, deployments, deploy, deployments.apps.
With -o json there is a line of JSON for each object, with -o yaml a document.
What can't be decoded is listed as its key in etcd tells, for class user.
--encryption-config is the file of --encryption-provider-config.`

func lsCommand() *cobra.Command {
	var s sourceFlags
	var of selection
	var as output
	cmd := &cobra.Command{
		Use:   "ls SOURCE [KIND]",
		Short: "List the objects of a snapshot, a backup, a tree or a cluster",
		Long:  lsHelp,
		Example: `  clustersnap ls live -n shop
  clustersnap ls etcd.snap -n shop
  clustersnap ls etcd.snap deployments -l app=web
  clustersnap ls cp1.clustersnap --identity key.txt -n shop
  clustersnap ls backup -o json | jq -r .kind | sort | uniq -c`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			kind := ""
			if len(args) == 2 {
				kind = args[1]
			}
			list, lost, err := listObjects(cmd.Context(), s, args[0], of.options(), kind)
			if err == nil && len(list) == 0 && lost == nil {
				fmt.Fprintln(os.Stderr, "clustersnap: nothing matches: leave one of KIND, -n, -l and --class out to see what there is")
			}
			if err == nil {
				err = errors.Join(printEntries(os.Stdout, list, as), lost)
			}
			if err != nil && !readerGone(err) { // whoever reads it has seen enough
				return fmt.Errorf("ls %s: %w", args[0], err)
			}
			return nil
		},
	}
	s.flags(cmd)
	s.liveFlag(cmd)
	of.choices(cmd)
	as.flag(cmd)
	return cmd
}

// listObjects gives the entries of a source that were selected, and says in lost what is missing of them.
func listObjects(
	ctx context.Context, s sourceFlags, name string, opts manifests.Options, kind string,
) (all []manifests.Entry, lost, err error) {
	from, err := s.open(ctx, name, opts)
	if err != nil {
		return nil, nil, err
	}
	defer from.close()
	all, err = from.entries(ctx)
	if err == nil {
		err = from.namespacesThere(all, opts.Namespaces)
	}
	if err == nil && from.whole {
		all, err = from.choose(ctx, all, opts)
	}
	if err != nil {
		return nil, nil, err
	}
	if len(all) == 0 && len(opts.Namespaces)+len(opts.Classes) == 0 && opts.LabelSelector == "" {
		return nil, nil, from.none()
	}
	var n named
	if kind != "" {
		if n, err = from.kinds().find(kind); err != nil {
			return nil, nil, err
		}
		all = slices.DeleteFunc(all, func(e manifests.Entry) bool { return e.Group != n.group || e.Resource != n.resource })
	}
	lost = from.incomplete(func(o manifests.Outcome) bool {
		return (kind == "" || n.may(o)) && within(opts.Namespaces, o)
	})
	return all, lost, nil
}

// choose gives those of a whole source that the options select. Labels are in the objects themselves.
func (s *source) choose(
	ctx context.Context, all []manifests.Entry, opts manifests.Options,
) (list []manifests.Entry, err error) {
	selector, err := labels.Parse(opts.LabelSelector)
	if err != nil {
		return nil, usageError{fmt.Errorf("read label selector: %w", err)}
	}
	for _, e := range all {
		if len(opts.Namespaces) > 0 && !slices.Contains(opts.Namespaces, e.Namespace) ||
			len(opts.Classes) > 0 && !slices.Contains(opts.Classes, e.Class) {
			continue
		}
		if !selector.Empty() {
			text, err := s.Object(ctx, e)
			if err != nil {
				return nil, err
			}
			own, err := labelsOf(text)
			if err != nil {
				return nil, fmt.Errorf("%v: %w", e.Key, err)
			}
			if !selector.Matches(own) {
				continue
			}
		}
		list = append(list, e)
	}
	return list, nil
}

func printEntries(to io.Writer, list []manifests.Entry, as output) error {
	slices.SortFunc(list, func(x, y manifests.Entry) int { return x.Compare(y.Key) })
	out := bufio.NewWriter(to)
	if as.machine() {
		for _, e := range list {
			if err := as.item(out, e); err != nil {
				return err
			}
		}
		return out.Flush()
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAMESPACE\tRESOURCE\tNAME\tREVISION\tCLASS")
	for _, e := range list {
		resource := named{e.Group, e.Resource, e.Kind}.String()
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", printable(e.Namespace), printable(resource), printable(e.Name),
			printable(e.ResourceVersion), printable(string(e.Class)))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return out.Flush()
}
