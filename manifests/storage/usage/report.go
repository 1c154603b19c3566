package usage

import (
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// Report is what fills an etcd. Lists have what takes most first, and then go by name: equal events make equal reports.
type Report struct {
	Prefix string `json:"prefix"` // that keys of objects begin with
	// Revision is the last one that was seen, and Compacted the one that the options gave: between the two
	// are the changes that are counted.
	Revision  int64      `json:"revision"`
	Compacted int64      `json:"compacted"`
	Total     Sizes      `json:"total"`
	Resources []Resource `json:"resources"`
	Largest   []Object   `json:"largest"`  // by what is live
	Heaviest  []Object   `json:"heaviest"` // by all that is stored
	Changing  []Object   `json:"changing"` // by changes, if there were any
}

// Sizes are counts of keys and of records, of which each write makes one. Bytes are those of a record as etcd stores
// it: a key, its value and its revisions, without what pages and indexes add.
type Sizes struct {
	Keys  int64 `json:"keys"`  // live
	Bytes int64 `json:"bytes"` // of their newest records
	// Records and RecordBytes are all that is stored: what is live, older revisions, and tombstones.
	Records     int64 `json:"records"`
	RecordBytes int64 `json:"recordBytes"`
	// ManagedFields is how many of Bytes are metadata.managedFields. Of values that are encrypted, or in CBOR, it is
	// not known: 0.
	ManagedFields int64 `json:"managedFields"`
}

func (s *Sizes) add(other Sizes) {
	s.Keys += other.Keys
	s.Bytes += other.Bytes
	s.Records += other.Records
	s.RecordBytes += other.RecordBytes
	s.ManagedFields += other.ManagedFields
}

// Resource is what one resource takes, or what is no object's: then the name is the first part of the keys, such as
// "masterleases" or "compact_rev_key".
type Resource struct {
	Group    string      `json:"group,omitempty"`
	Resource string      `json:"resource"`
	Kind     string      `json:"kind,omitempty"` // as the first value says that tells
	Use      storage.Use `json:"use"`
	Sizes
	Namespaces []Namespace `json:"namespaces"` // one without a name, if its objects are in none
}

// Namespace is what a resource takes in one namespace.
type Namespace struct {
	Namespace string `json:"namespace"`
	Sizes
	Objects []Object `json:"objects,omitempty"` // those that store most: see Options
}

// Object is what one object takes. It may be gone by now: then Bytes is 0.
type Object struct {
	manifests.Key        // of what is no object: the first part of the key, and the rest of it as the name
	Kind          string `json:"kind,omitempty"`
	Bytes         int64  `json:"bytes"`
	ManagedFields int64  `json:"managedFields"`
	Records       int64  `json:"records"`
	RecordBytes   int64  `json:"recordBytes"`
	Changes       int64  `json:"changes"` // records after Report.Compacted
	Version       int64  `json:"version"` // writes since it was created; 0 if it is gone
}

// Others is the name that stands for more: for the resources and the namespaces that come after those that are told apart.
const Others = "(others)"
