// Package peers builds the stock programs that tests run the library on and hold it against, each at a fixed
// version: etcd, etcdctl and etcdutl of three minor versions, the programs of a Kubernetes node with kubeadm and
// kubectl, the two controllers of CSI snapshots, age and age-keygen, and the S3 server versitygw.
//
//	out, err := exec.Command(peers.EtcdUtl37.Path(t), "snapshot", "status", file).CombinedOutput()
//
// A program is built from its Go module by the go command, with the versions that its go.mod.txt and go.sum.txt
// pin, and kept in clustersnap/peers below [os.UserCacheDir]: a first run needs the module proxy (or a warm module
// cache), ten minutes on two cores and 4 GB for compiled packages, later ones none of it. As go test ends a package
// after ten minutes, a first run is better left to go run ./peers/build. One program is built at a time. A program
// that does not build fails the test, because a comparison that is skipped compares nothing. Old entries of the
// cache are not swept; any of it may be deleted while nothing runs.
//
// It does not start, stop or configure the programs, and works on Linux only.
//
// To add a program of a release that is here, add a constant and its line in the table of programs.go. To add a
// release, add a folder PRODUCT/VERSION first: write a go.mod with one tool line per program, let go mod tidy
// complete it, and store both files with .txt behind their names, because a folder with a go.mod can't be embedded.
// One of Kubernetes also needs a replace line for each module that its own go.mod replaces by a folder of its
// repository, as k8s.io/api => k8s.io/api v0.37.2, and its godebug line.
package peers
