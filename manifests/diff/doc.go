// Package diff holds two views of the objects of a cluster against each other: a tree that was dumped, manifests that
// people write, the revision of a git repository, a snapshot of etcd at any revision that it has, or the cluster as it is
// now.
//
//	saved, err := tree.Read(os.DirFS("backup"))
//	live := diff.Live(cluster, manifests.Options{})
//	summary, err := diff.Compare(ctx, saved, live, func(c *diff.Change) error {
//		return diff.Unified(os.Stdout, c)
//	}, diff.Options{})
//	os.Exit(diff.ExitCode(summary, err))
//
// Objects are told apart by group, resource, namespace and name. First their entries are compared: what has the same hash, or
// the same uid and resource version, is the same and is not read. So a tree against its cluster takes one list of metadata
// and a look at what has moved. A snapshot is a side by package manifests/storage: where etcd has an object in another
// version than it is listed at, the live one is read in that. [Dumped] is for trees that know no versions, as those from git;
// use it also after etcd was restored from a snapshot, for resource versions come again then. What is read is compared field
// by field; how YAML is written makes no difference.
//
// With [Files] for one side and [Live] for the other, what is removed or added is what was never applied, and what was
// never committed. The server is asked to take its defaults out, see [FileOptions]. What controllers and the control plane
// make themselves is of other classes than [Options] compare by default, and only counted.
//
// The values of Secrets are masked in all that leaves this package: *** if they are the same, and *** (before) and ***
// (after) if they are not. Those of other kinds are shown.
//
// A Secret that a tree has not kept, or that nobody has decrypted, can't be compared and fails, if it may have moved: where
// that is no news, take Secrets out by a [Rule]. For a tree that has redacted them there is [Redacted].
//
// With a base ([Options]) each change says which side made it, and what both changed in other ways is a conflict.
//
// It does not change anything on any side, and it merges nothing. Renames show as one object removed and one added.
//
// # Rights
//
// Live and Dumped need those of a dump: get and list. A dry run of files needs create and patch for their kinds, though
// nothing is stored.
package diff
