package stores

import (
	"math/rand/v2"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/examples/demonode"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
)

// Killed at any of its requests, before it, in the middle or before its answer, an uploader leaves a set that is there whole,
// or none, and nothing that is not found and swept.
func killed(t *testing.T, node *demonode.Node) {
	s := startServer(t)
	w := watch(t, s.addr)
	recipient, key := command.KeyPair(t)
	args := []string{"backup", "--etcd-only", "--root", node.Root, "--to", s.url(w.addr), "--recipient", recipient}
	command.Good(t, command.Run(t, "", args...))
	all := int(w.requests.Load())
	seen := sets(t, s.url(s.addr))
	if all < 8 || len(seen) != 1 {
		t.Fatalf("a backup is %d requests, and there are %v", all, seen)
	}
	random := rand.New(rand.NewPCG(*seed, uint64(*kills)))
	for range *kills {
		number, place := 1+random.IntN(all), int64(random.IntN(8<<20))
		switch random.IntN(3) {
		case 0:
			place = 0
		case 1:
			place = answered
		}
		t.Logf("killed at request %d of %d, at %d", number, all, place)
		reached := w.stop(func(_ *http.Request, n int) (int64, bool) { return place, n == number }, false)
		backup := faults.Start(t, exec.Command(command.Path(t), append(slices.Clone(args), "--cluster", time.Now().Format("150405.000"))...))
		if backup.Reached(reached) {
			backup.End(syscall.SIGKILL)
		}
		w.release()
		w.pass()
		for _, set := range sets(t, s.url(s.addr)) {
			if !slices.Contains(seen, set) {
				command.Good(t, command.Run(t, "", "verify", in(s.url(s.addr), set), "--identity", key))
				seen = append(seen, set)
			}
		}
		swept(t, s)
		held(t, s)
	}
}

// swept has "clustersnap prune" take away what is left, once it is old.
func swept(t *testing.T, s *server) {
	t.Helper()
	s.age(25 * time.Hour)
	o := command.Good(t, command.Run(t, "", "prune", s.url(s.addr), "--without-receipt", "--yes"))
	t.Log(o.Stdout)
}

// held holds that the server has whole sets with their receipts, and no byte of anything else.
func held(t *testing.T, s *server) {
	t.Helper()
	var want []string
	for _, set := range sets(t, s.url(s.addr)) {
		want = append(want, "folder/"+set, "folder/"+set+".receipt.json")
	}
	slices.Sort(want)
	if got := s.files(); !slices.Equal(got, want) {
		t.Errorf("the server has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
