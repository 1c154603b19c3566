package tree

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/clustersnap/clustersnap/manifests"
)

// Changes is what a commit did. All are paths as [Path] gives them, sorted.
type Changes struct {
	Added   []string
	Changed []string
	Removed []string
	// Healed are files that were missing or were not what the index said, and were written anew.
	Healed []string
	// Kept are files of objects that may or may not be there any more: their kind was not listed completely. The index
	// has them as of the dump that saw them last. A Secret that was included is encrypted if that is asked for now; all
	// others stay as they are.
	Kept []string
	// Lost are those of Kept that are missing or are not what the index says.
	Lost []string
	// Strays are files below cluster/ and namespaces/ that the index does not know. They are left alone.
	Strays []string
	// Excluded is how many Secrets have no file because their content was left out.
	Excluded int
	// Objects is how many the index names.
	Objects int
	// Index says that the index has changed, if only because other kinds could be listed than before.
	Index bool
}

// Quiet reports whether git sees no change: no file has been touched that it would track.
func (c Changes) Quiet() bool {
	return !c.Index && len(c.Added)+len(c.Changed)+len(c.Removed)+len(c.Healed) == 0
}

// Commit moves what has changed to its place, and the index last. Objects that did not come are removed if the report
// says that their kind was listed, everywhere or in their namespace; otherwise they are kept. Where a kind was listed in
// some namespaces, the objects go whose namespace has gone, as the list of namespaces shows. A kind that the report
// does not know has gone with its objects only if the tree has its CustomResourceDefinition, and that has gone: the
// objects of any other are kept, since a server that is not up may be all that is missing.
//
// Until it begins to move, an error leaves the tree as it was, and the dump is forgotten. [StrayError] is one of a file
// in the way, [ErrNarrower] one of a report that selects less than the tree holds, [ErrCorrupt] one of a Secret that is
// to be encrypted, was not listed, and is not what the index says. After that the new state is decided:
// whoever reads the tree sees it, and the next Open finishes what an error or a kill has interrupted.
func (t *Tree) Commit(report *manifests.Report) (Changes, error) {
	if t.dump == nil {
		return Changes{}, fmt.Errorf("commit tree %s: %w", t.root.Name(), errNoDump)
	}
	next, changes, err := t.merge(report)
	if err == nil {
		err = t.publish(next, report)
	}
	switch {
	case t.broken != nil:
		t.dump = nil
	case err != nil:
		err = errors.Join(err, t.abandon())
	}
	if err != nil {
		return Changes{}, fmt.Errorf("commit tree %s: %w", t.root.Name(), err)
	}
	changes.Index = t.isNews(next)
	t.adopt(next, report)
	return changes, nil
}

// accept refuses a report that is not of this dump, or that would take away what is only not selected.
func (t *Tree) accept(report *manifests.Report) error {
	switch {
	case report == nil:
		return errors.New("there is no report: the dump has not ended")
	case report.Instant != t.dump.at:
		return fmt.Errorf("the report is of %+v, and the dump of %+v", report.Instant, t.dump.at)
	case int(report.Selection.Level) >= len(levelNames) || report.Selection.Level < 0:
		return fmt.Errorf("the report has the level %d, which is none", report.Selection.Level)
	case !t.known:
		return nil
	}
	was, is := t.now.selection, report.Selection
	left := func(c manifests.Class) bool { return !slices.Contains(is.Classes, c) }
	narrower := len(is.Classes) > 0 && (len(was.Classes) == 0 || slices.ContainsFunc(was.Classes, left))
	if was.Level != is.Level || narrower || is.LabelSelector != "" && is.LabelSelector != was.LabelSelector {
		return fmt.Errorf("%w: it is %s, and the dump %s", ErrNarrower, appendSelection(nil, was), appendSelection(nil, is))
	}
	return nil
}

// quiet leaves of the outcomes what stays the same while nobody does anything.
func quiet(outcomes []manifests.Outcome) []manifests.Outcome {
	list := make([]manifests.Outcome, len(outcomes))
	for i, o := range outcomes {
		list[i] = manifests.Outcome{Resource: o.Resource, Namespace: o.Namespace, State: o.State}
	}
	slices.SortStableFunc(list, func(a, b manifests.Outcome) int {
		return cmp.Or(
			cmp.Compare(a.Group, b.Group), cmp.Compare(a.Resource.Resource, b.Resource.Resource),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Version, b.Version),
		)
	})
	return list
}

// publish brings what was decided to the disk.
func (t *Tree) publish(next *merged, report *manifests.Report) error {
	d, step := t.dump, t.opts.Step
	if err := d.open(t); err != nil {
		return err
	}
	if t.isNews(next) {
		if !t.known {
			if err := writeMissing(t.root, attributesName, attributes); err != nil {
				return err
			}
		}
		step("stage " + indexName)
		if err := writeFile(t.root, stagedIndex, next.writeIndex); err != nil {
			return err
		}
	}
	st := &state{index: next.digest, report: *report}
	step("stage " + stateName)
	write := func(w io.Writer) error { return st.writeEach(w, next.records) }
	if err := writeFile(t.root, stagedState, write); err != nil {
		return err
	}
	if err := d.runs.close(d.stage.root); err != nil {
		return err
	}
	j := &journal{moves: d.stage.moves(), removes: next.removes}
	step("sync stage")
	if err := errors.Join(d.stage.sync(), d.close()); err != nil {
		return err
	}
	err := t.makeRoom(j)
	if err == nil {
		err = t.decide(j)
	}
	if err != nil && t.broken == nil {
		for _, m := range j.moves {
			removeEmpty(t.root, path.Dir(m.Path))
		}
	}
	if err != nil {
		return err
	}
	err = finish(t.root, j, step)
	if err != nil {
		t.broken = fmt.Errorf("%w: what was decided is not done: open the tree again to finish it", err)
		return t.broken
	}
	return t.clear()
}

// makeRoom makes the directories that others are to be moved to. To make them can fail on a full disk, and to rename can
// hardly, so they come before the decision. They do no harm without it.
func (t *Tree) makeRoom(j *journal) error {
	t.opts.Step("make directories")
	for _, m := range j.moves {
		if err := t.root.MkdirAll(path.Dir(m.Path), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// decide makes the journal durable. From then on there is no way back.
func (t *Tree) decide(j *journal) error {
	const partial = journalName + ".partial"
	t.opts.Step("write journal")
	if err := writeFile(t.root, partial, j.write); err != nil {
		t.root.Remove(partial) // it may not even be there
		return err
	}
	t.opts.Step("decide")
	if err := t.root.Rename(partial, journalName); err != nil {
		return err
	}
	if err := syncDir(t.root, metaDir); err != nil {
		t.broken = fmt.Errorf("%w: open the tree again to see what has become of it", err)
		return t.broken
	}
	return nil
}

// adopt makes the new state the one that the next dump is held against.
func (t *Tree) adopt(next *merged, report *manifests.Report) {
	t.now, t.digest, t.known, t.at = &next.index, next.digest, true, report.Instant
	t.held, t.strays = nil, nil // for Begin to read
	t.dump = nil
}

// isNews reports whether git sees another index.
func (t *Tree) isNews(next *merged) bool { return !t.known || next.digest != t.digest }
