package diff_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing/fstest"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
)

// Two revisions of a git repository, each as git archive gives it: no files are checked out.
func Example_gitRevisions() {
	repository := exampleRepository()
	defer os.RemoveAll(repository)
	deployments := manifests.Resource{Group: "apps", Version: "v1", Resource: "deployments", Kind: "Deployment", Namespaced: true}
	lookup := diff.Kinds([]manifests.Resource{deployments}) // or what Cluster.Resources gives
	var sides [2]diff.Side
	for i, name := range []string{"HEAD~1", "HEAD"} {
		fsys, err := revision(repository, name)
		if err != nil {
			log.Fatal(err)
		}
		if sides[i], err = diff.Files(context.Background(), fsys, lookup, diff.FileOptions{}); err != nil {
			log.Fatal(err)
		}
	}
	summary, err := diff.Compare(context.Background(), sides[0], sides[1], func(c *diff.Change) error {
		for _, f := range c.Fields {
			fmt.Println(c.Key, f.Path, "was", f.A, "and is", f.B)
		}
		return diff.Unified(os.Stdout, c)
	}, diff.Options{})
	fmt.Println("exit code", diff.ExitCode(summary, err))
	// Output:
	// deployments.apps/web -n default spec.template.spec.containers[name=app].image was web:1 and is web:2
	// --- a/namespaces/default/deployments.apps/web	web.yaml:1
	// +++ b/namespaces/default/deployments.apps/web	web.yaml:1
	// @@ -7,5 +7,5 @@
	//    template:
	//      spec:
	//        containers:
	// -      - image: web:1
	// +      - image: web:2
	//          name: app
	// exit code 1
}

// revision gives the files of a git revision. What it holds in memory is bounded by what git archive says of each file; for
// large repositories, write to a directory instead and use os.DirFS.
func revision(repository, name string) (fs.FS, error) {
	archive, err := exec.Command("git", "-C", repository, "archive", "--format=tar", name).Output()
	if err != nil {
		return nil, fmt.Errorf("read revision %s: %w", name, err)
	}
	files := fstest.MapFS{} // any file system does
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read revision %s: %w", name, err)
		}
		if header.Typeflag != tar.TypeReg || !filepath.IsLocal(header.Name) {
			continue
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return nil, fmt.Errorf("read revision %s: %w", name, err)
		}
		files[header.Name] = &fstest.MapFile{Data: text}
	}
}

// exampleRepository makes one with two revisions.
func exampleRepository() string {
	dir, err := os.MkdirTemp("", "diff-example-")
	if err != nil {
		log.Fatal(err)
	}
	git := func(args ...string) {
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=n", "-c", "user.email=n@example.org"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		if out, err := cmd.CombinedOutput(); err != nil {
			log.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	git("init", "--quiet")
	for _, image := range []string{"web:1", "web:2"} {
		text := "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: app, image: '" +
			image + "'}]}}}\n"
		if err := os.WriteFile(filepath.Join(dir, "web.yaml"), []byte(text), 0o600); err != nil {
			log.Fatal(err)
		}
		git("add", ".")
		git("commit", "--quiet", "--message", image)
	}
	return dir
}

// Two neighbours in the history of an object, such as package manifests/storage finds in a snapshot of etcd.
func ExampleObjects() {
	const version = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n  namespace: shop\ndata:\n  color: %s\n"
	e := manifests.Entry{Key: manifests.Key{Resource: "configmaps", Namespace: "shop", Name: "settings"}, Kind: "ConfigMap"}
	change, err := diff.Objects(e, fmt.Appendf(nil, version, "red"), fmt.Appendf(nil, version, "blue"))
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range change.Fields {
		fmt.Println(f.Path, "was", f.A, "and is", f.B)
	}
	// Output:
	// data.color was red and is blue
}
