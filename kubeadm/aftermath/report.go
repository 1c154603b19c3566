package aftermath

import (
	"cmp"
	"slices"
	"time"
)

// Report is what was seen of a cluster. It holds no secrets, and all names in it are of the cluster's.
type Report struct {
	Revision int64     `json:"revision"`          // of etcd when the pods were listed; 0 if they could not be
	Before   int64     `json:"before,omitempty"`  // Options.Before
	Nodes    int       `json:"nodes"`             // Node objects
	Pods     int       `json:"pods"`              // Pod objects, ended ones among them
	Leaders  []Leader  `json:"leaders,omitempty"` // Leases in kube-system but those of API servers, sorted by name
	Findings []Finding `json:"findings"`          // sorted: the order of the kinds, what to act on first, then names
}

// Leader is who leads the instances of a controller, by its Lease in kube-system.
type Leader struct {
	Name    string    `json:"name"`             // of the Lease, such as kube-scheduler
	Holder  string    `json:"holder,omitempty"` // "" if its last one has given it up
	Renewed time.Time `json:"renewed"`          // zero if it never was
	Expired bool      `json:"expired"`          // nobody has renewed it in time
}

// Finding is one thing about one object.
type Finding struct {
	Kind     Kind     `json:"kind"`
	Severity Severity `json:"severity"`
	Object   Object   `json:"object"`
	Node     string   `json:"node,omitempty"` // where something is to be done, if it is one node
	What     string   `json:"what"`           // one sentence: what is so
	Next     string   `json:"next"`           // one sentence: what to do, or to look at
}

// Object names what a finding is about.
type Object struct {
	Kind      string `json:"kind"` // as in Pod; that of a list that could not be had is its resource, as in pods
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
}

// String is an object as in "Pod shop/web-0".
func (o Object) String() string {
	switch {
	case o.Name == "":
		return o.Kind
	case o.Namespace == "":
		return o.Kind + " " + o.Name
	default:
		return o.Kind + " " + o.Namespace + "/" + o.Name
	}
}

// Severity says whether a finding is one at all times.
type Severity string

// The severities.
const (
	// Act is what is wrong, and stays so until somebody does something, or a controller that is still at work.
	Act Severity = "act"
	// Look is what may be as it should be: it is of the time of the snapshot, and only a person can tell whether it still holds.
	Look Severity = "look"
)

// add takes a finding in.
func (r *Report) add(f Finding) { r.Findings = append(r.Findings, f) }

// sort puts findings and leaders in order.
func (r *Report) sort() {
	slices.SortFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.Kind.place(), b.Kind.place()), cmp.Compare(a.Severity, b.Severity),
			compareObjects(a.Object, b.Object), cmp.Compare(a.Node, b.Node), cmp.Compare(a.What, b.What),
		)
	})
	slices.SortFunc(r.Leaders, func(a, b Leader) int { return cmp.Compare(a.Name, b.Name) })
}

func compareObjects(a, b Object) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}
