package kubecluster

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/ociimage"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// pack says what is in the images that kubeadm asks for, under the names that it has for them. CoreDNS is none of them.
func (s *tools) pack(t testing.TB) []ociimage.Image {
	t.Helper()
	contents := map[string]map[string]string{
		"kube-apiserver":          programs(peers.KubeAPIServer.Path(t)),
		"kube-controller-manager": programs(peers.KubeControllerManager.Path(t)),
		"kube-scheduler":          programs(peers.KubeScheduler.Path(t)),
		"kube-proxy":              packetFilter(t, programs(peers.KubeProxy.Path(t))),
		"etcd":                    programs(peers.Etcd37.Path(t), peers.EtcdCtl37.Path(t), peers.EtcdUtl37.Path(t)),
	}
	images := []ociimage.Image{{Name: Tool, Files: programs(s.tool), Entrypoint: []string{"tool"}}}
	names := string(peers.Kubeadm.Output(t, "config", "images", "list", "--kubernetes-version", version()))
	for name := range strings.FieldsSeq(names) {
		short, _, _ := strings.Cut(path.Base(name), ":")
		if files, ok := contents[short]; ok {
			images = append(images, ociimage.Image{Name: name, Files: files, Entrypoint: []string{short}})
		}
		if short == "pause" {
			s.pause = name
			images = append(images, ociimage.Image{Name: name, Files: programs(s.tool), Entrypoint: []string{"tool", "pause"}})
		}
	}
	if want := len(contents) + 2; len(images) != want {
		t.Fatalf("start cluster: %d images can be packed, want %d: kubeadm asks for\n%s", len(images), want, names)
	}
	return images
}

// programs puts files in the folder of an image that is searched first.
func programs(files ...string) map[string]string {
	all := make(map[string]string)
	for _, file := range files {
		all["/usr/local/bin/"+filepath.Base(file)] = file
	}
	return all
}

// packetFilter adds the iptables of the test machine, by which kube-proxy serves Services: one program of many names, its
// libraries, and its extensions, which it loads as it needs them.
func packetFilter(t testing.TB, files map[string]string) map[string]string {
	t.Helper()
	program, err := exec.LookPath("xtables-nft-multi")
	if err != nil {
		t.Fatalf("start cluster: %v: install the package iptables", err)
	}
	for _, ip := range []string{"iptables", "ip6tables"} {
		for _, what := range []string{"", "-save", "-restore"} {
			files["/usr/sbin/"+ip+what] = program
		}
	}
	real, err := filepath.EvalSymlinks(program)
	if err != nil {
		t.Fatal(err)
	}
	loaded, _ := filepath.Glob("/usr/lib/*/xtables/*.so")
	if len(loaded) == 0 {
		t.Fatal("start cluster: no extensions of iptables in /usr/lib: install the package iptables")
	}
	for _, file := range loaded {
		files[file] = file
	}
	listed, err := exec.Command("ldd", append(loaded, real)...).Output()
	if err != nil {
		t.Fatalf("start cluster: ldd: %v", err)
	}
	for _, library := range regexp.MustCompile(`/\S+\.so\.\S*`).FindAllString(string(listed), -1) {
		files[library] = library
	}
	return files
}

// importImages gives the images to the node's containerd as they are packed.
func (n *Node) importImages(ctx context.Context) error {
	read, write := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		err := ociimage.Write(write, n.cluster.tools.images...)
		write.CloseWithError(err)
		packed <- err
	}()
	cmd := n.Enter(ctx, "ctr", "--namespace", "k8s.io", "images", "import", "-")
	cmd.Stdin = read
	out, err := cmd.CombinedOutput()
	read.Close()
	if perr := <-packed; perr != nil && err == nil {
		err = perr
	}
	if err != nil {
		return fmt.Errorf("import images: %w: %s", err, out)
	}
	return nil
}
