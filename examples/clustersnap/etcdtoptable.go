package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/clustersnap/clustersnap/manifests/storage/usage"
)

// topRow is a line of what fills etcd.
type topRow struct {
	usage.Sizes
	namespace, name string
}

// topLess orders rows by what --sort says.
var topLess = map[string]func(usage.Sizes) int64{
	"live":      func(s usage.Sizes) int64 { return s.Bytes },
	"stored":    func(s usage.Sizes) int64 { return s.RecordBytes },
	"revisions": func(s usage.Sizes) int64 { return s.Records },
	"keys":      func(s usage.Sizes) int64 { return s.Keys },
}

func (o etcdTop) table(out io.Writer, r *usage.Report) error {
	if o.by == "object" {
		return o.objects(out, r)
	}
	var rows []topRow
	for _, resource := range r.Resources {
		name := named{resource.Group, resource.Resource, ""}.String()
		if o.by == "resource" {
			rows = append(rows, topRow{resource.Sizes, "", name})
			continue
		}
		for _, n := range resource.Namespaces {
			rows = append(rows, topRow{n.Sizes, n.Namespace, name})
		}
	}
	worth := topLess[o.sort]
	slices.SortStableFunc(rows, func(a, b topRow) int { return cmp.Compare(worth(b.Sizes), worth(a.Sizes)) })
	more := 0
	if o.n > 0 && len(rows) > o.n {
		more = len(rows) - o.n
		rows = rows[:o.n]
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\nkeys\tlive\trevisions\tstored\tmanaged\t  resource")
	if o.by == "namespace" {
		fmt.Fprint(t, " and namespace")
	}
	fmt.Fprintln(t)
	for _, row := range rows {
		fmt.Fprintf(t, "%d\t%s\t%d\t%s\t%s\t  %s\n", row.Keys, mib(row.Bytes), row.Records, mib(row.RecordBytes),
			share(row.ManagedFields, row.Bytes), strings.TrimSpace(printable(row.name)+" "+printable(row.namespace)))
	}
	if err := t.Flush(); err != nil || more == 0 {
		return err
	}
	_, err := fmt.Fprintf(out, "and %d more: see --lines\n", more)
	return err
}

func (o etcdTop) objects(out io.Writer, r *usage.Report) error {
	list := map[string][]usage.Object{"live": r.Largest, "stored": r.Heaviest, "revisions": r.Changing}[o.sort]
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\nlive\trevisions\tstored\tchanges\tversion\tmanaged\t  object")
	for _, x := range list {
		fmt.Fprintf(t, "%s\t%d\t%s\t%d\t%d\t%s\t  %s\n", mib(x.Bytes), x.Records, mib(x.RecordBytes), x.Changes, x.Version,
			share(x.ManagedFields, x.Bytes), printable(x.Key.String()))
	}
	return t.Flush()
}

// share says how much of a whole a part is.
func share(part, whole int64) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%d %%", 100*part/whole)
}
