// Package proof answers whether a dump of a cluster has everything: key by key against etcd, or, where etcd is out of
// reach, as far as the API server can tell.
//
//	view, err := snapshot.View(ctx, "", revision) // of package etcdsnap, at the resource version of the dump
//	if err != nil {
//		return err
//	}
//	p, err := proof.Complete(ctx,
//		proof.Dump{Report: saved.Seen(), Entries: saved.Entries(ctx)}, // of package tree
//		proof.Store{Revision: view.Revision(), Keys: view.Keys(ctx)}, proof.Options{})
//	if err != nil {
//		return err
//	}
//	for _, f := range p.Findings {
//		fmt.Println(f)
//	}
//	if !p.Complete() {
//		return errors.New("not everything was saved")
//	}
//
// An API server only shows what it serves. Custom resources whose definition serves no version, what is left of an API that
// was removed, and what lost its definition are in etcd and in no list; so is whatever a dump lost by its own fault.
// [Complete] finds each of them, and says which object it is from the metadata in the value: that takes no types, and no
// configuration. Where values are encrypted, keys and revisions still are not, so that the proof holds; of a missing object
// its uid is then not known.
//
// # What is held against each other
//
// A resource version is the revision of etcd that wrote the object. So an object of the dump and a key of etcd at the
// dump's revision are the same if name and revision are, and their uid where it can be read. The content is not compared: a
// tree has a digest of each file, which [Dump.Kept] can check. Whatever is not the same on both sides is a [Finding], with
// a sentence that explains it or that says why nothing does.
//
// A snapshot holds the revision of the dump if it was taken after it, and before etcd was compacted: some five minutes.
// After that a proof is [Weaker]: it says so, and what it can't see. The rules are those of [Complete].
//
// A [Proof] is JSON that [Read] takes back, so that a backup set carries it beside what it is of:
//
//	err := set.Add("proof.json", nil, func(w io.Writer) error { return json.NewEncoder(w).Encode(p) })
//
// # Without etcd
//
// [FromAPI] is for control planes that somebody else runs. It lists everything a second time, metadata alone, and finds
// what is there since before the dump and not in it; it watches what is new, to tell what was created since from what was
// missed; and it holds the number of objects that the API server counts in its storage (metrics) against the number that
// was listed. Keys of kinds that no API has, it can't see.
//
// # What it does not do
//
// It restores nothing, and does not open files: package storage reads keys and values, packages etcdsnap and tree open the
// two sides. It says nothing on what is not in this etcd, as the objects of aggregated APIs, but that they are [Elsewhere].
//
// # Rights
//
// Complete talks to nobody. FromAPI lists everything, as a dump does, and takes three things more, without which it says
// what it could not do: get, watch, and the metrics.
//
//	rules:
//	- apiGroups: ["*"]
//	  resources: ["*"]
//	  verbs: [get, list, watch]
//	- nonResourceURLs: [/metrics]
//	  verbs: [get]
package proof
