package stored

import (
	"encoding/json"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/ondisk"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// minSame is how many objects of the cluster an older program reads as they are shown, at least.
const minSame = 440

// older holds that a program with the types of Kubernetes 1.34 gives each object of a newer cluster as that shows it, or says
// what of it would be lost.
func older(t *testing.T, node *bed.Node) {
	var online kept
	live(t, node, &online, manifests.Options{})
	same, failed := 0, map[string]int{}
	for _, l := range readByOlder(t, ondisk.Snapshot(t, node.EtcdClient(t))) {
		if l.Why != "" {
			key := storage.Locate([]byte(l.At), "").Key
			_, why, _ := strings.Cut(l.Why, ": ")
			failed[manifests.Resource{Group: key.Group, Resource: key.Resource}.String()+": "+why]++
			delete(online.objects, key)
			continue
		}
		shown := online.objects[l.Key]
		delete(online.objects, l.Key)
		switch {
		case shown == nil || l.ResourceVersion != shown.ResourceVersion: // written after the dump, or that no version serves
		case l.Entry == shown.Entry:
			same++
		case otherwise[manifests.Resource{Group: l.Group, Resource: l.Resource}.String()] == "":
			t.Errorf("%v is stored as %+v and shown as %+v\n%s", l.Key, l.Entry, shown.Entry, shown.YAML)
		}
	}
	t.Logf("%d objects are the same, and could not be read:\n%s", same, strings.Join(slices.Sorted(maps.Keys(failed)), "\n"))
	if same < minSame || len(failed) < 3 {
		t.Errorf("%d objects are the same, of %d kinds some could not be read", same, len(failed))
	}
	for key := range online.objects {
		t.Errorf("%v was neither read nor named", key)
	}
}

// line is what readsnapshot prints of a key.
type line struct {
	manifests.Entry
	At  string `json:"at"`
	Why string `json:"why"`
}

// readByOlder reads a snapshot with a program that is built with the oldest libraries that are supported.
func readByOlder(t *testing.T, snapshot string) []line {
	t.Helper()
	program := filepath.Join(t.TempDir(), "readsnapshot")
	build := exec.Command("go", "build", "-C", "..", "-modfile=floors.mod", "-o", program, "./stored/readsnapshot")
	out, err := build.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err = exec.Command(program, snapshot, "entries").Output()
	must(t, err)
	var lines []line
	for text := range strings.Lines(string(out)) {
		if !strings.HasPrefix(text, "{") {
			break
		}
		var l line
		must(t, json.Unmarshal([]byte(text), &l))
		lines = append(lines, l)
	}
	return lines
}
