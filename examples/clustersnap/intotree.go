package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// intoTree has a dump written into a directory, which is made if it is not there, and says what became of it. Besides its
// report, a dump says what the objects are of.
func intoTree(
	out steps, dir string, opts tree.Options, dump func(to *tree.Tree) (report *manifests.Report, of string, err error),
) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	to, err := tree.Open(root, opts)
	if err != nil {
		return err
	}
	defer to.Close() // drops what is not committed
	report, of, err := dump(to)
	if err != nil {
		return err
	}
	changes, err := to.Commit(report)
	if err != nil {
		return err
	}
	out.line("dump", count(changes.Objects, "object")+" "+of)
	sayTree(out, changes)
	if err := missing(out, report); err != nil {
		return err
	}
	out.copied("good", fmt.Sprintf("next: clustersnap manifests diff %s live", dir))
	return nil
}

// sayTree says what became of a tree.
func sayTree(out steps, changes tree.Changes) {
	out.line("tree", fmt.Sprintf("%d added, %d changed, %d removed, %d kept unseen, %s left out",
		len(changes.Added), len(changes.Changed), len(changes.Removed), len(changes.Kept), count(changes.Excluded, "Secret")))
	for _, stray := range changes.Strays {
		out.line("note", stray+" is not of the tree, and was left alone")
	}
	for _, healed := range changes.Healed {
		out.line("note", healed+" was missing or edited, and was written again")
	}
}

// missing shows what a dump should have listed and could not; without any it is good.
func missing(out steps, report *manifests.Report) error {
	lost := report.Missing()
	if len(lost) == 0 {
		return nil
	}
	for _, o := range lost {
		out.line("missing", o.String())
	}
	return fmt.Errorf("%s could not be listed: the dump is not complete%s", count(len(lost), "kind"), rightsFor(lost))
}

// rightsFor is what to do about kinds that the credentials may not list.
func rightsFor(lost []manifests.Outcome) string {
	if !slices.ContainsFunc(lost, func(o manifests.Outcome) bool { return o.State == manifests.Forbidden }) {
		return ""
	}
	return ": give these credentials the right to list everything (verb list, apiGroups * and resources *)"
}
