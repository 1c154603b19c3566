// Package sidebyside measures this library and a peer at the same job, in turn: the peer, ours, the peer, ours.
// What slows the machine for a while slows both, so the ratio of a pair says more than two numbers from two runs.
//
//	func BenchmarkSave(b *testing.B) {
//		peer := sidebyside.Command("etcdctl", func() *exec.Cmd { return exec.Command(etcdctl, "snapshot", "save", file) })
//		ours := sidebyside.Command("etcdsnap", func() *exec.Cmd { return exec.Command(saver, file) })
//		sidebyside.Compare(b, peer, ours, func() (int64, error) { return check(file), os.Remove(file) })
//	}
//
// A benchmark prints a table in Markdown with the medians of both, the median ratio of the pairs, and the
// peak of resident memory, and reports the same numbers to package testing. How many pairs there are is what
// -benchtime says, as in -benchtime=20x, but at least [MinPairs].
//
// It asserts nothing: speed is measured, not tested.
package sidebyside
