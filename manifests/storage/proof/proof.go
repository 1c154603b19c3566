package proof

import (
	"fmt"
	"strings"

	"github.com/clustersnap/clustersnap/manifests"
)

// Strength is how much a proof can be relied on.
type Strength string

const (
	// Exact: every key of etcd at the very revision of the dump was held against it.
	Exact Strength = "exact"
	// Weaker: the keys are of another revision than the dump, because the dump's is compacted or not there yet. What
	// differs is explained by revisions; [Proof.Blind] says what nothing explains.
	Weaker Strength = "weaker"
	// APIOnly: etcd was out of reach. Only what the API server shows was held against the dump.
	APIOnly Strength = "api-only"
)

// Kind is what a finding is. The first four make a proof incomplete, the others explain why something differs.
type Kind string

const (
	// Unsaved: it was stored when the dump was made, and the dump does not have it.
	Unsaved Kind = "unsaved"
	// Differs: both have it, at revisions that don't go together.
	Differs Kind = "differs"
	// Unstored: the dump has it, and etcd did not. Then the two are not of one cluster, or the prefix is not its own.
	Unstored Kind = "unstored"
	// Unchecked: a kind that could not be listed, and that may have its objects where this proof can't look; or an object
	// that is newer than the dump or was missed by it, which no history tells.
	Unchecked Kind = "unchecked"

	// Withheld: the dump names it without its content, as its maker wanted: a Secret that is excluded or redacted.
	Withheld Kind = "withheld"
	// Excluded: the dump was told to leave it out, by its kind, namespace, labels or class.
	Excluded Kind = "excluded"
	// Internal: a key of the API server's own, which is no object.
	Internal Kind = "internal"
	// Outside: a key that is not below the prefix, so that another program has put it there.
	Outside Kind = "outside"
	// Elsewhere: an object of another store than this etcd, or that is computed on request.
	Elsewhere Kind = "elsewhere"
	// Created, Changed and Deleted: between the dump and the revision of the keys, or up to the end of the history.
	Created Kind = "created"
	Changed Kind = "changed"
	Deleted Kind = "deleted"
)

// kinds are all of them, the worst first.
var kinds = [...]Kind{
	Unsaved, Differs, Unstored, Unchecked, Withheld, Excluded, Internal, Outside, Elsewhere, Created, Changed, Deleted,
}

// spoils reports whether a finding of the kind leaves the proof incomplete.
func (k Kind) spoils() bool { return k == Unsaved || k == Differs || k == Unstored || k == Unchecked }

// Proof is what came of holding a dump against what was stored. It is a plain value: a backup set carries it as JSON, by
// convention in the member completeness.json beside the tree that it is of, and [Read] reads it again. It has names of
// objects and no content.
type Proof struct {
	Version  int      `json:"version"` // of this format: 1
	Strength Strength `json:"strength"`
	// Dump is the instant of the dump, and Selection what of the objects it has.
	Dump      manifests.Instant   `json:"dump"`
	Selection manifests.Selection `json:"selection"`
	// Revision is that of the keys, or of the second list for an [APIOnly] proof.
	Revision int64 `json:"revision"`
	Keys     int   `json:"keys"`    // that were looked at; objects of the second list for an APIOnly proof
	Objects  int   `json:"objects"` // that the dump names
	// Matched is how many are the same on both sides, by their place and their revision.
	Matched int `json:"matched"`
	// Counts has for each kind of finding how many keys and objects there are, listed or not.
	Counts map[Kind]int `json:"counts"`
	// Findings are sorted by kind, the worst first, and then by object. Of each kind, as many are listed as take 4 MiB.
	Findings []Finding `json:"findings"`
	// Unlisted is how many findings there are besides.
	Unlisted int `json:"unlisted,omitempty"`
	// Blind are sentences on what a proof of this strength can't see.
	Blind []string `json:"blind,omitempty"`
}

// Finding is one key or object that is not simply the same on both sides, or several that are alike. Text that comes from
// etcd is printable, and cut at 512 bytes.
type Finding struct {
	Is            Kind `json:"is"`
	manifests.Key      // as far as it is known: a kind alone, with "*" if even that is not known, has no Name
	// ObjectKind and UID are from the metadata of the value. Of an encrypted one they are not known.
	ObjectKind string `json:"kind,omitempty"`
	UID        string `json:"uid,omitempty"`
	// EtcdKey and ModRevision are etcd's, and ResourceVersion is the dump's. In an APIOnly proof there is no EtcdKey.
	EtcdKey         string `json:"etcdKey,omitempty"`
	ModRevision     int64  `json:"modRevision,omitempty"`
	ResourceVersion string `json:"resourceVersion,omitempty"`
	// Count is how many keys or objects it stands for, if not for one.
	Count int    `json:"count,omitempty"`
	Why   string `json:"why"` // one sentence
}

// Complete reports whether all that was stored is in the dump or was left out on purpose, as far as a proof of its Strength
// can see. Where nothing at all matched, nothing is proved.
func (p *Proof) Complete() bool {
	for _, k := range kinds {
		if k.spoils() && p.Counts[k] > 0 {
			return false
		}
	}
	return p.Matched > 0
}

// String is one line, such as "complete (exact): 6224 of 6227 keys at revision 8122 are in the dump, 3 internal".
func (p *Proof) String() string {
	var b strings.Builder
	what := "keys"
	if p.Strength == APIOnly {
		what = "objects"
	}
	if !p.Complete() {
		b.WriteString("not ")
	}
	fmt.Fprintf(&b, "complete (%s): %d of %d %s at revision %d are in the dump", p.Strength, p.Matched, p.Keys, what, p.Revision)
	for _, k := range kinds {
		if n := p.Counts[k]; n > 0 {
			fmt.Fprintf(&b, ", %d %s", n, k)
		}
	}
	return b.String()
}

// String is one line, such as "unsaved: Secrecy secrecies.example.com/a -n shop (/registry/example.com/secrecies/shop/a at
// 8120, uid ...): why".
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(string(f.Is) + ":")
	if f.Count > 1 {
		fmt.Fprintf(&b, " %d x", f.Count)
	}
	if f.ObjectKind != "" {
		b.WriteString(" " + f.ObjectKind)
	}
	switch {
	case f.Name != "":
		b.WriteString(" " + f.Key.String())
	case f.Resource != "":
		b.WriteString(" " + strings.TrimSuffix(f.Key.String(), "/"))
	case f.EtcdKey != "":
		b.WriteString(" " + f.EtcdKey)
	}
	var of []string
	if f.ModRevision > 0 {
		of = append(of, strings.TrimSpace(fmt.Sprintf("%s at %d", f.EtcdKey, f.ModRevision)))
	}
	if f.ResourceVersion != "" {
		of = append(of, "dumped at "+f.ResourceVersion)
	}
	if f.UID != "" {
		of = append(of, "uid "+f.UID)
	}
	if len(of) > 0 {
		b.WriteString(" (" + strings.Join(of, ", ") + ")")
	}
	return b.String() + ": " + f.Why
}
