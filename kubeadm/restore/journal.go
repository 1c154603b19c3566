package restore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// journalVersion is the one that is written, and the newest that is read.
const journalVersion = 1

// maxJournal bounds a journal. One has some 20 lines, the longest of which lists the files of a node.
const maxJournal = 16 << 20

const journalSuffix = ".journal"

// ErrJournal is the error of a journal that this program cannot go on with.
var ErrJournal = errors.New("the journal of the restore cannot be used")

// How far a step, or the whole, is.
const (
	began     = "began"
	noted     = "noted" // something that undoing needs to know, before it is done
	done      = "done"
	undoing   = "undoing"
	undone    = "undone"
	committed = "committed"
)

// line is one of a journal: an event of a step, or of the whole restore if Step is empty. The first one has the version,
// the plan and what was found before anything was changed.
type line struct {
	Version int       `json:"version,omitempty"`
	Plan    *Plan     `json:"plan,omitempty"`
	Was     *was      `json:"was,omitempty"`
	Step    string    `json:"step,omitempty"`
	State   string    `json:"state"`
	Time    time.Time `json:"time"`
	Why     string    `json:"why,omitempty"`    // of undoing
	Staged  *Staged   `json:"staged,omitempty"` // of stage
	Last    int64     `json:"last,omitempty"`   // of stage: the old etcd's revision then
	Files   []change  `json:"files,omitempty"`  // of stage, before it writes them, and once it has
	Made    []string  `json:"made,omitempty"`   // directories that stage makes, from the top down
	Leases  []string  `json:"leases,omitempty"` // of controllers, before it deletes them
	Inodes  *inodes   `json:"inodes,omitempty"` // of what stage makes and swap moves
	Notes   []string  `json:"notes,omitempty"`
}

// was is what was there before the restore.
type was struct {
	// Manifests are the names of those of the plan that are in the manifest directory.
	Manifests []string `json:"manifests,omitempty"`
	// Etcd and API say that they answered, Quorum that etcd was not alone without the others, Ready that kube-apiserver was ready,
	// and UID is that of kube-system then.
	Etcd   bool   `json:"etcd,omitempty"`
	Quorum bool   `json:"quorum,omitempty"`
	API    bool   `json:"api,omitempty"`
	Ready  bool   `json:"ready,omitempty"`
	UID    string `json:"uid,omitempty"`
	// Revision and Members are those of the etcd which answered.
	Revision int64            `json:"revision,omitempty"`
	Members  []kubeadm.Member `json:"members,omitempty"`
	// Notes are what could not be looked at.
	Notes []string `json:"notes,omitempty"`
}

// record is what a journal says.
type record struct {
	plan  *Plan
	was   was
	lines []line
}

// parseJournal reads a journal up to its last whole line, and says how long that is. A line that was torn by a power cut
// is as if it had not been written: what it would have told of was not begun, or is found done.
func parseJournal(data []byte) (*record, int, error) {
	r := &record{}
	whole := 0
	for number := 1; ; number++ {
		end := bytes.IndexByte(data[whole:], '\n')
		if end < 0 {
			return r, whole, nil
		}
		if err := r.add(data[whole : whole+end]); err != nil {
			return nil, 0, fmt.Errorf("%w: line %d: %w", ErrJournal, number, err)
		}
		whole += end + 1
	}
}

// add takes one more line.
func (r *record) add(text []byte) error {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return err
	}
	if r.plan != nil {
		if l.Plan != nil || l.Was != nil || l.Version != 0 {
			return errors.New("it begins a second restore")
		}
		if err := errors.Join(l.local(), l.known()); err != nil {
			return err
		}
		r.lines = append(r.lines, l)
		return nil
	}
	switch {
	case l.Version > journalVersion:
		return fmt.Errorf("it is of version %d, and this program knows %d: use the program that has written it",
			l.Version, journalVersion)
	case l.Version < 1 || l.Plan == nil || l.Was == nil || l.Plan.Node == nil:
		return errors.New("it does not say what is restored")
	case l.Plan.ID == "" || strings.Trim(l.Plan.ID, "0123456789tz") != "":
		return fmt.Errorf("%.50q is not the ID of a restore", l.Plan.ID)
	}
	if refused := l.Plan.refusals(); len(refused) > 0 {
		return errors.New(refused[0])
	}
	r.plan, r.was, r.lines = l.Plan, *l.Was, append(r.lines, l)
	return nil
}

// local sees that a line names nothing outside of the node's root.
func (l line) local() error {
	paths := slices.Clone(l.Made)
	for _, c := range l.Files {
		paths = append(paths, c.Path)
	}
	for _, name := range paths {
		if !filepath.IsLocal(name) || name == "." {
			return fmt.Errorf("%.200q is not a path of the node", name)
		}
	}
	return nil
}

// known sees that what is staged can be told from what is not there, which has no inode.
func (l line) known() error {
	if l.Step != stepStage || l.State != done {
		return nil
	}
	unknown := l.Inodes == nil || l.Inodes.New == 0
	for _, c := range l.Files {
		unknown = unknown || c.Inode == 0
	}
	if unknown {
		return errors.New("it does not say by what the things are known that were staged")
	}
	return nil
}

// is reports whether a step has come to a state.
func (r *record) is(step, state string) bool {
	for _, l := range r.lines {
		if l.Step == step && l.State == state {
			return true
		}
	}
	return false
}

func (r *record) finished() bool { return r.is("", committed) || r.is("", undone) }

// staged is what the stage step has noted, nil before.
func (r *record) staged() (s *Staged) {
	for _, l := range r.lines {
		if l.Staged != nil {
			s = l.Staged
		}
	}
	return s
}

// files are the changes that are staged, none before all are.
func (r *record) files() (changes []change) {
	for _, l := range r.lines {
		if l.Step == stepStage && l.State == done {
			changes = l.Files
		}
	}
	return changes
}

// begunFiles are all changes that were ever begun, and the directories, from the top down.
func (r *record) begunFiles() (changes []change, made []string) {
	for _, l := range r.lines {
		if l.Step == stepStage && l.State == noted {
			changes, made = append(changes, l.Files...), append(made, l.Made...)
		}
	}
	return changes, made
}

// leases are those of the lost leaders, and whether that was noted.
func (r *record) leases() (names []string, known bool) {
	for _, l := range r.lines {
		if l.Step == stepControllers && l.State == noted {
			names, known = l.Leases, true
		}
	}
	return names, known
}
