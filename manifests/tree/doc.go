// Package tree keeps the objects of a cluster as files: a directory that people read, that git tracks without noise,
// and that no dump leaves half-written.
//
//	root, err := os.OpenRoot("backup")
//	...
//	to, err := tree.Open(root, tree.Options{Secrets: tree.Encrypt, Recipients: recipients, Key: key})
//	if err != nil {
//		return err
//	}
//	defer to.Close() // drops what is not committed
//	report, err := cluster.Dump(ctx, to, manifests.Options{})
//	if err != nil {
//		return err
//	}
//	changes, err := to.Commit(report)
//
// A [Tree] is a [manifests.Receiver]. Until [Tree.Commit] it only stages what differs from the tree. Commit then
// decides, moves the files to their places, removes what is gone, and moves the index last. A process that is killed
// in between leaves the state before or the one after to whoever reads, and the next [Open] finishes or drops what it
// left. Only one process writes a tree at a time; on Windows nothing holds it to that.
//
// What a dump could not list stays: an object is removed only when its kind was listed, everywhere or in its
// namespace, and it did not come. Files that the index does not know are neither removed nor overwritten.
//
// A dump is not in memory: what is known of its objects waits in the stage, too. A cluster of 160,000 small objects takes
// some 60 MiB more than one of a few. A tree that is read has its index in memory, with 0.5 KiB for each object.
//
// [Read] gives the objects back, each checked against the index. [Saved.Pack] makes one file of a tree, and [Unpack] a
// tree of it. A [Spool] takes a dump for such a file without a directory in between.
//
// # What makes a tree quiet
//
// A dump of an unchanged cluster changes no file that git sees, and writes no file but its own state. That is so
// while the dump hands on the same objects: Leases and Events, which controllers write all the time, are of the class
// generated, so name the classes wanted in the dump's options for a tree in git. The tree itself selects nothing. It
// records what was selected, and refuses a dump that selects less: what is only not selected would look as if it had
// gone. To select less, or to keep less of Secrets, dump into an empty directory; in git that may be the same one,
// after a git rm.
//
// # Secrets
//
// The zero value of [Options] leaves the content of Secrets out and names them in the index. See [Secrets] for the
// other ways. The annotation in which kubectl keeps a copy of an object is not in its canonical form, so it gives
// nothing away.
//
// # The format, version 1
//
//	index.json
//	.gitattributes
//	cluster/<kind>/<name>.yaml
//	namespaces/<namespace>/<kind>/<name>.yaml
//	namespaces/<namespace>/secrets/<name>.yaml.age
//	.clustersnap/
//
// A kind is the plural of a resource, and a dot and its group if that is not the core group: deployments.apps. It has
// no version, so a new preferred version of an API moves no file.
//
// In all names, bytes other than a-z, 0-9, dot, dash and underscore are written as %xx, with lower-case digits: no
// two names are equal where case is ignored, and none depends on how a system composes accents. So are, for Windows
// and for people, a dot at the beginning, a dot at the end of a directory, the first letter of a device of Windows
// (con, prn, aux, nul, com0 to com9, lpt0 to lpt9), and a dot in a plural. A name that takes more than 246 bytes then
// is cut to at most 150 and told apart by "%-" and the SHA-256 of all of it in hexadecimal. Everything but cut names
// can be read back; the index has all.
//
// A file is the canonical form of an object. One that ends in .age is that in an age file
// (https://age-encryption.org/v1). In a redacted Secret each value, and each annotation that may repeat one, is
// "hmac-sha256:" and 64 hexadecimal digits.
//
// The index is JSON of one layout, a line for each item (two here, to fit the page), so that git shows what has changed:
//
//	{
//	"version": 1,
//	"selection": {"level":"portable","labelSelector":"...","classes":["..."]},
//	"secrets": "exclude",
//	"resources": [
//	{"group":"apps","version":"v1","resource":"deployments","kind":"Deployment",
//	 "namespaced":true,"status":true,"state":"listed"}
//	],
//	"objects": [
//	{"group":"apps","resource":"deployments","namespace":"shop","name":"web",
//	 "version":"v1","kind":"Deployment","class":"user","size":812,"sha256":"..."}
//	]
//	}
//
// Resources are the outcomes of the last dump, as [manifests.Outcome] has them, without counts and reasons. Objects
// are in the order of [manifests.Key.Compare]. Keys are in the order of the example, with "namespace" after "status"
// in a resource; empty values and those that are false have no key. Size and digest are those of the file. A Secret
// that is not held as other objects has "secret" after "class": "excluded", and then no file, "redacted" or
// "encrypted". The latter has a last key "hmac", which is a keyed digest of its plain text: no digest without a key
// is ever made of a Secret that is not included. Strings escape quotes, backslashes and, as \u00xx, what is below a
// blank, and nothing else. A reader refuses what is not written so.
//
// What changes with each dump is in .clustersnap, which has a .gitignore of its own: state.json, with the instant,
// the outcomes in full, and for each object its uid, its resource version, the instant it was listed at if that is an
// older one, and the time of its file. The state names the SHA-256 of its index, and says nothing beside another:
// after a checkout of an older revision, or in a clone, a tree has no instant. While a commit is on its way there are
// also stage/, with directories of files that wait for their places, and, from the moment on that the commit is decided,
// journal.json, which says where they go.
//
// A pack is a tar archive of the same files: index.json, .clustersnap/state.json if it belongs to it, without times
// of files, and then the objects in the order of the index. Regular files are all that it has.
//
// Each of the three JSON files has at most 256 MiB, which is some million objects, and is neither written nor read if it
// would have more. A line has at most what the longest name takes that etcd does, with each byte escaped: 9.1 MiB.
//
// All files have mode 0600 and directories 0700. All versions of the format begin the three JSON files with "{" and
// the version as above; a reader refuses newer ones.
package tree
