package stores

import (
	"errors"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/clustersnap/clustersnap/examples/demonode"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
)

// kill kills a command at the point that reached says, and reports whether it was there still: what is seen of a command on a
// disk is seen a little later.
func kill(t *testing.T, reached <-chan struct{}, args []string) bool {
	t.Helper()
	cmd := exec.Command(command.Path(t), args...)
	process := faults.Start(t, cmd)
	if process.Reached(reached) {
		if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
	}
	status, ok := process.Wait().Sys().(syscall.WaitStatus)
	return ok && status.Signaled()
}

// killings are of uploaders to one folder.
type killings struct {
	folder
	backup []string        // the command
	key    string          // of the sets
	seen   map[string]bool // sets
	found  map[string]int  // how often what was left of one
}

func startKillings(t *testing.T, f folder, node *demonode.Node, url string) *killings {
	t.Helper()
	recipient, key := command.KeyPair(t)
	k := &killings{f, backup(node, url, recipient), key,
		map[string]bool{}, map[string]int{}}
	command.Good(t, command.Run(t, "", k.backup...))
	for _, set := range sets(t, f.at) {
		k.seen[set] = true
	}
	return k
}

// hold holds that each set that there is after a kill is whole, and that what else was left is found and swept.
func (k *killings) hold(killed bool) {
	k.t.Helper()
	where := "nothing"
	for _, left := range k.listed().Leftovers {
		switch {
		case left.Kind == "set without receipt" || strings.Contains(left.Name, ".receipt.json"):
			where = "a set without its receipt"
		default:
			where = "a part of a set"
		}
	}
	for _, set := range sets(k.t, k.at) {
		if !k.seen[set] {
			command.Good(k.t, command.Run(k.t, "", "verify", in(k.at, set), "--identity", k.key))
			k.seen[set], where = true, "a whole set"
		}
	}
	if !killed {
		where = "a whole set, and nobody was killed"
	}
	k.found[where]++
	swept(k.t, k.folder)
	held(k.t, k.folder)
}

func (k *killings) report() {
	for _, where := range slices.Sorted(maps.Keys(k.found)) {
		k.t.Logf("%d of %d left %s", k.found[where], *kills, where)
	}
}

// Killed at any of its requests, before it, in the middle or before its answer, an uploader leaves a set that is there whole,
// or none, and nothing that is not found and swept.
func uploaderKilled(t *testing.T, node *demonode.Node) {
	s := startServer(t)
	w := watch(t, s.addr)
	k := startKillings(t, s.folder, node, s.url(w.addr))
	all := int(w.requests.Load())
	random := rand.New(rand.NewPCG(*seed, uint64(*kills)))
	for range *kills {
		number, place := 1+random.IntN(all), randomPlace(random)
		t.Logf("killed at request %d of %d, at %d", number, all, place)
		killed := kill(t, w.stop(func(_ *http.Request, n int) (int64, bool) { return place, n == number }, false), k.backup)
		w.release()
		w.pass()
		k.hold(killed)
	}
	k.report()
}

// randomPlace is a place in a request: before it, in the middle, or before its answer.
func randomPlace(random *rand.Rand) int64 {
	return []int64{0, int64(random.IntN(8 << 20)), answered}[random.IntN(3)]
}

// The same of a set that goes in one request.
func TestSmallUploaderKilled(t *testing.T) { uploaderKilled(t, startNode(t, small)) }

// The same on a disk, after any of the changes that an uploader makes there.
func uploaderKilledOnDisk(t *testing.T, node *demonode.Node) {
	f := onDisk(t, t.TempDir())
	w := watchFolder(t, f.root)
	k := startKillings(t, f, node, f.at)
	random := rand.New(rand.NewPCG(*seed, uint64(*kills)))
	made := w.changes()
	for range *kills {
		change := randomChange(random, made)
		t.Logf("killed after %v", change)
		k.hold(kill(t, w.until(change), k.backup))
	}
	k.report()
}
