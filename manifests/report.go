package manifests

// Instant is the moment that a dump shows.
type Instant struct {
	// ResourceVersion is etcd's revision: every object of the dump is as it was then.
	ResourceVersion string `json:"resourceVersion"`
	// ServerVersion is the API server's, such as "v1.37.2".
	ServerVersion string `json:"serverVersion"`
}

// State is how the attempt to list a resource ended.
type State string

const (
	Listed      State = "listed"
	Forbidden   State = "forbidden"      // the caller has no right to list it
	Failed      State = "failed"         // see Why
	NotListable State = "not listable"   // it has no list verb, as reviews and bindings
	NotStored   State = "virtual"        // computed on request, stored nowhere
	Excluded    State = "excluded"       // by the caller
	Unserved    State = "served by none" // it is stored, and no server shows it
)

// Outcome is what became of one resource, or of one namespace of it where it had to be listed namespace by namespace.
type Outcome struct {
	Resource
	// Namespace is set where the rights sufficed for a list of namespaces only.
	Namespace string `json:"namespace,omitempty"`
	State     State  `json:"state"`
	Objects   int    `json:"objects"` // that were listed, selected or not
	// Clock is empty for what was listed at the dump's Instant. Another store, as that of an aggregated API or of events
	// split out to an etcd of their own, counts on its own: then it is the resource version of that list.
	Clock string `json:"clock,omitempty"`
	Why   string `json:"why,omitempty"` // one sentence for what is neither listed nor excluded
}

// Selection is what of the listed objects a dump hands on, and how much of each. Two dumps can only be held against each
// other, or one be written over the other, if it is the same for both. Empty fields stand for everything.
type Selection struct {
	Level         Level   `json:"level"`
	LabelSelector string  `json:"labelSelector,omitempty"`
	Classes       []Class `json:"classes,omitempty"` // sorted
}

// Report is what a dump saw, and what it could not see.
type Report struct {
	Instant
	Selection Selection `json:"selection"`
	Outcomes []Outcome `json:"outcomes"` // sorted by group, resource and namespace; none is missing
	Objects  int       `json:"objects"`  // that were handed on
}

// Receiver takes the objects of a dump. Its methods are never called at once.
type Receiver interface {
	// Begin starts a dump at an instant. It is called again when the server no longer has that instant and the dump starts
	// over: what came before is to be forgotten.
	Begin(at Instant) error
	// Object takes one object, in no order. YAML and Removed are the receiver's until it returns. Its error ends the dump.
	Object(o *Object) error
}
