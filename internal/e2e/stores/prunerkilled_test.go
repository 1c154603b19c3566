package stores

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
)

// prunings are of a folder that is filled again before each.
type prunings struct {
	folder
	each int // how many sets are made at a time
	made int // so far
	last []string
}

// fill makes sets of one node, each an hour younger than the one before it. One has no receipt, and last are the names of the
// last two.
func (p *prunings) fill() {
	p.t.Helper()
	dir := filepath.Join(p.root, p.name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	for n := range p.each {
		p.made++
		set := fmt.Sprintf("%04d.clustersnap", p.made)
		receipt, err := json.Marshal(map[string]any{
			"version": 1, "set": set, "created": time.Date(2020, 1, 1, p.made, 0, 0, 0, time.UTC),
			"cluster": "prod", "node": "cp1", "revision": 1, "size": len(set), "sha256": digest([]byte(set)), "verdict": "verified",
		})
		if err == nil && n > 0 {
			err = os.WriteFile(filepath.Join(dir, set+".receipt.json"), receipt, 0o600)
		}
		if err = errors.Join(err, os.WriteFile(filepath.Join(dir, set), []byte(set), 0o600)); err != nil {
			p.t.Fatal(err)
		}
		p.last = []string{set, p.last[0]}
	}
	p.age(25 * time.Hour)
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// args are those of a prune that keeps the last two.
func (p *prunings) args(url string) []string {
	return []string{"prune", url, "--keep-last", "2", "--without-receipt", "--yes"}
}

// hold holds that each set that there is after a kill is good, and that another prune does what the first one was to do.
func (p *prunings) hold() {
	p.t.Helper()
	l := p.listed()
	for _, r := range l.Sets {
		content, err := os.ReadFile(filepath.Join(p.root, p.name, r.Set))
		if err != nil || digest(content) != r.SHA256 {
			p.t.Errorf("%s: %v, %q", r.Set, err, content)
		}
	}
	p.t.Logf("left are %d sets and %d without a receipt", len(l.Sets), len(l.Leftovers))
	swept(p.t, p.folder, "--keep-last", "2")
	if got := sets(p.t, p.at); !slices.Equal(got, p.last) {
		p.t.Errorf("there are %v, want %v", got, p.last)
	}
	held(p.t, p.folder)
}

// Killed at any of its requests, prune leaves no receipt without its set, and the next one ends its work.
func TestPrunerKilled(t *testing.T) {
	s := startServer(t)
	w := watch(t, s.addr)
	p := &prunings{folder: s.folder, each: 9, last: []string{""}}
	args := p.args(s.url(w.addr))
	p.fill()
	command.Good(t, command.Run(t, "", args...))
	all := int(w.requests.Load())
	random := rand.New(rand.NewPCG(*seed, uint64(*kills)))
	for range *kills {
		p.fill()
		number, place := 1+random.IntN(all), []int64{0, answered}[random.IntN(2)]
		t.Logf("killed at request %d of %d, at %d", number, all, place)
		if !kill(t, w.stop(func(_ *http.Request, n int) (int64, bool) { return place, n == number }, false), args) {
			t.Error("it was not killed")
		}
		w.release()
		w.pass()
		p.hold()
	}
}

// The same on a disk, after any of its changes there.
func TestPrunerKilledOnDisk(t *testing.T) {
	// Many, as it takes a while until the kernel's word has come.
	p := &prunings{folder: onDisk(t, t.TempDir()), each: 100, last: []string{""}}
	p.fill()
	w := watchFolder(t, p.root)
	command.Good(t, command.Run(t, "", p.args(p.at)...))
	random, made := rand.New(rand.NewPCG(*seed, uint64(*kills))), w.changes()
	for range *kills {
		p.fill()
		change := randomChange(random, made)
		t.Logf("killed after %v: %v", change, kill(t, w.until(change), p.args(p.at)))
		p.hold()
	}
}
