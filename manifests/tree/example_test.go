package tree_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// A tree in git: a commit for each dump that found a change. Its message says what the cluster's state was, since no file
// that git sees says so: it would change with each dump.
func Example_git() {
	dir, err := os.MkdirTemp("", "tree")
	check(err)
	defer os.RemoveAll(dir)
	git(dir, "init", "--quiet")

	source := shop()                        // in earnest a *manifests.Cluster
	fmt.Println(dumpAndCommit(dir, source)) // the first one
	fmt.Println(dumpAndCommit(dir, source)) // nothing has changed
	source.set("deployments.apps/web@shop", "new image")
	source.delete("deployments.apps/web@bank")
	fmt.Println(dumpAndCommit(dir, source))
	fmt.Println(strings.TrimSpace(git(dir, "show", "--format=%b", "--no-patch")))
	fmt.Print(git(dir, "show", "--format=", "--name-status"))
	// Output:
	// 9 added, 0 changed, 0 removed
	// nothing to commit
	// 0 added, 1 changed, 1 removed
	// Resource-Version: 102
	// Objects: 8
	// M	index.json
	// D	namespaces/bank/deployments.apps/web.yaml
	// M	namespaces/shop/deployments.apps/web.yaml
}

func dumpAndCommit(dir string, source *cluster) string {
	root, err := os.OpenRoot(dir)
	check(err)
	defer root.Close()
	to, err := tree.Open(root, tree.Options{})
	check(err)
	defer to.Close()
	report, err := source.dump(to) // in earnest cluster.Dump(ctx, to, manifests.Options{})
	check(err)
	changes, err := to.Commit(report)
	check(err)

	git(dir, "add", "--all")
	if git(dir, "status", "--porcelain") == "" {
		return "nothing to commit"
	}
	subject := fmt.Sprintf("%d added, %d changed, %d removed", len(changes.Added), len(changes.Changed), len(changes.Removed))
	trailers := fmt.Sprintf("Resource-Version: %s\nObjects: %d", report.ResourceVersion, changes.Objects)
	git(dir, "commit", "--quiet", "-m", subject, "-m", trailers)
	return subject
}

// git runs git with nothing of the user's own configuration.
func git(dir string, args ...string) string {
	cmd := exec.Command("git", append([]string{
		"-C", dir, "-c", "user.name=clustersnap", "-c", "user.email=clustersnap@example.com", "-c", "core.autocrlf=true",
	}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		panic(fmt.Sprintf("git %v: %v\n%s", args, err, &stderr))
	}
	return string(out)
}

// A tree as one member of a backup set, and back again.
func ExampleSaved_Pack() {
	dir, err := os.MkdirTemp("", "tree")
	check(err)
	defer os.RemoveAll(dir)
	live, again := filepath.Join(dir, "live"), filepath.Join(dir, "again")
	check(os.Mkdir(live, 0o700))
	check(os.Mkdir(again, 0o700))
	dumpInto(live)

	file, err := clustersnap.Create(filepath.Join(dir, "shop.clustersnap"))
	check(err)
	defer file.Close()
	set := clustersnap.NewWriter(file, time.Now())
	saved, err := tree.Read(os.DirFS(live))
	check(err)
	check(set.Add("manifests.tar.zst", nil, clustersnap.Compressed(saved.Pack)))
	check(set.Close())
	check(file.Commit())

	stored, err := os.Open(filepath.Join(dir, "shop.clustersnap"))
	check(err)
	defer stored.Close()
	info, err := stored.Stat()
	check(err)
	opened, err := clustersnap.Open(stored, info.Size())
	check(err)
	member, err := opened.Open("manifests.tar.zst")
	check(err)
	defer member.Close()
	plain, err := clustersnap.Decompress(member)
	check(err)
	defer plain.Close()
	root, err := os.OpenRoot(again)
	check(err)
	defer root.Close()
	check(tree.Unpack(root, plain))

	saved, err = tree.Read(root.FS())
	check(err)
	fmt.Println(saved)
	text, err := saved.Object(context.Background(), manifests.Entry{
		Key: manifests.Key{Resource: "configmaps", Namespace: "shop", Name: "web"},
	})
	check(err)
	fmt.Printf("%s", text)
	// Output:
	// 9 objects of 6 resources at resource version 100
	// apiVersion: v1
	// kind: X
	// metadata:
	//   name: "web"
	// value: "4"
}

func dumpInto(dir string) {
	root, err := os.OpenRoot(dir)
	check(err)
	defer root.Close()
	to, err := tree.Open(root, tree.Options{})
	check(err)
	defer to.Close()
	_, err = shop().commit(to)
	check(err)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
