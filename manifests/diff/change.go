package diff

import (
	"github.com/clustersnap/clustersnap/manifests"
)

// What is how two sides differ in an object or a field.
type What string

const (
	Added     What = "added"     // only the second side has it
	Removed   What = "removed"   // only the first side has it
	Changed   What = "changed"   // both have it
	Reordered What = "reordered" // the same elements of a list, in another order
	Failed    What = "failed"    // of an object: it could not be compared
)

// By is which side has moved away from the base. It is empty where there is none.
type By string

const (
	InA      By = "a"
	InB      By = "b"
	Same     By = "same"     // both did the same
	Both     By = "both"     // of an object: each has moved, and no field is in conflict
	Conflict By = "conflict" // each did something else
)

// Change is one object that is not the same on both sides. With a base, it is one that is not the same on all three, and
// What is what became of it since the base.
type Change struct {
	manifests.Key
	Kind  string          `json:"kind"`
	Class manifests.Class `json:"class"`
	What  What            `json:"change"`
	By    By              `json:"by,omitempty"`
	// Fields are those that differ, of an object that both sides have.
	Fields []Field `json:"fields,omitempty"`
	// PlaceA and PlaceB are where the objects stand, if their sides know: a file and a line.
	PlaceA string `json:"placeA,omitempty"`
	PlaceB string `json:"placeB,omitempty"`
	// Why says in one sentence what is in the way of a comparison that Failed.
	Why string `json:"why,omitempty"`

	shown [sides]any // the objects as trees, without what is ignored and with masks
}

// tell takes what was found. A field without a path is the object itself.
func (c *Change) tell(trees [sides]any, fields []Field) {
	c.shown = trees
	switch {
	case len(fields) == 0:
		return
	case fields[0].Path == "":
		c.What, c.By = fields[0].What, fields[0].By
		return
	}
	c.What, c.By, c.Fields = Changed, fields[0].By, fields
	if fields[0].By != "" && trees[base] == nil {
		c.What = Added
	}
	for _, f := range fields {
		switch {
		case f.By == Conflict:
			c.By = Conflict
			return
		case f.By != c.By:
			c.By = Both
		}
	}
}

// Field is one place in an object where the sides differ.
//
// A Path goes through maps by key and through lists by what tells their elements apart, or else by index:
//
//	spec.template.spec.containers[name=app].ports[containerPort=80,protocol=TCP].name
//	metadata.annotations["example.org/owner"]
//	spec.template.spec.containers[name=app].args[2]
//
// A, B and Base are the values, nil where there is none. Those of Secrets are masked. Numbers are as they were written.
type Field struct {
	Path string `json:"path"`
	What What   `json:"change"`
	By   By     `json:"by,omitempty"`
	A    any    `json:"a,omitempty"`
	B    any    `json:"b,omitempty"`
	Base any    `json:"base,omitempty"`
}

// Summary counts the objects of a comparison.
type Summary struct {
	Same    int `json:"same"`
	Added   int `json:"added"`
	Removed int `json:"removed"`
	Changed int `json:"changed"`
	// Failed are those that could not be compared.
	Failed int `json:"failed"`
	// Ignored are those that differ only in fields that a rule ignores.
	Ignored int `json:"ignored"`
	// LeftOut are those of the classes that were not asked for.
	LeftOut map[manifests.Class]int `json:"leftOut,omitempty"`
	// OutOfView are those that a rule takes out, and those that only one side has where the other has not looked for them.
	OutOfView int `json:"outOfView"`
	// MissingA and MissingB are what the sides should have looked at and could not.
	MissingA []manifests.Outcome `json:"missingA,omitempty"`
	MissingB []manifests.Outcome `json:"missingB,omitempty"`
	// ClusterA and ClusterB are the uids of kube-system, empty where a side does not have it: two clusters have two.
	ClusterA string `json:"clusterA,omitempty"`
	ClusterB string `json:"clusterB,omitempty"`
	// Read is how many objects were read, each side counted; the entries sufficed for the others.
	Read int `json:"read"`
}

// count adds what became of one object.
func (s *Summary) count(o outcome) {
	s.Read += o.read
	switch {
	case o.leftOut:
		s.LeftOut[o.class]++
	case o.outOfView:
		s.OutOfView++
	case o.ignored:
		s.Ignored++
	case o.change == nil:
		s.Same++
	case o.change.What == Added:
		s.Added++
	case o.change.What == Removed:
		s.Removed++
	case o.change.What == Failed:
		s.Failed++
	default:
		s.Changed++
	}
}

// ExitCode is what a command returns after Compare: 0 for sides that are the same, 1 for sides that differ, 2 for an error,
// an object that could not be compared, or something that a side should have looked at and could not. diff and kubectl diff
// do likewise.
func ExitCode(s *Summary, err error) int {
	switch {
	case err != nil || s == nil || s.Failed+len(s.MissingA)+len(s.MissingB) > 0:
		return 2
	case s.Added+s.Removed+s.Changed > 0:
		return 1
	}
	return 0
}
