// Package peers builds the stock programs that tests hold the library against: etcd, etcdctl and etcdutl, age
// and age-keygen, each at a fixed version.
//
//	out, err := exec.Command(peers.EtcdUtl37.Path(t), "snapshot", "status", file).CombinedOutput()
//
// A program is built from its Go module by the go command, with the versions that its go.mod.txt and go.sum.txt
// pin, and kept in clustersnap/peers below [os.UserCacheDir]: a first run needs the module proxy (or a warm module
// cache) and about a minute, later ones neither. A program that does not build fails the test, because a comparison
// that is skipped compares nothing. Old entries of the cache are not swept; any of it may be deleted at any time.
//
// It does not start, stop or configure the programs.
//
// To add a program of a release that is here, add a constant and its line in the table of programs.go. To add a
// release, add a folder PRODUCT/VERSION first: write a go.mod with one tool line per program, let go mod tidy
// complete it, and store both files with .txt behind their names, because a folder with a go.mod can't be embedded.
package peers
