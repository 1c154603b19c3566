package volcommands

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/volsnap"
)

func holdsNamespace(all []volsnap.Snapshot, name string) bool {
	return slices.ContainsFunc(all, func(s volsnap.Snapshot) bool { return s.Namespace == name })
}

// restores: what is not good yet says what comes next, and nothing is left in silence.
func restores(p *place) {
	p.claims("back", "db", "other")
	p.prints(p.volumes("take", "back/db", "--run", "back", "--ready"), "run       back: 1 snapshot of 1 volume\n")
	from := "back/" + p.lists("--run", "back")[0].Name

	waiting := p.prints(p.volumes("restore", from, "back/copy", "--storage-class", csibed.Waiting(p.driver.Name)),
		"waits     claim back/copy", "start the pod, then run this again")
	if strings.Contains(waiting, "good") {
		p.Errorf("it is said to be good:\n%s", waiting)
	}
	command.Bad(p, p.volumes("restore", from, "back/other", "--in-place", "--yes"), 1,
		"is of claim back/db, not of back/other: --other-claim")
	p.prints(p.volumes("restore", from, "back/other", "--in-place", "--yes", "--other-claim"), "claim back/other bound")
	undone := p.prints(p.volumes("restore", "--undo", "back/other", "--yes"), "has its old volume again", "kubectl delete pv ")
	_, kept, _ := strings.Cut(undone, "kubectl delete pv ")
	kept, _, _ = strings.Cut(kept, " ")
	_, err := p.bed.Client.CoreV1().PersistentVolumes().Get(p.ctx, kept, metav1.GetOptions{})
	must(p, err)

	p.bed.Pod(p, "back", "user", "db")
	command.Bad(p, p.volumes("restore", from, "back/db", "--in-place", "--yes"), 1, "--stop KIND/NAME")
	typo := p.volumes("restore", from, "back/db", "--in-place", "--yes", "--stop", "statefulset/typo")
	if n := strings.Count(typo.Stderr, `"typo" not found`); typo.Code != 1 || n != 1 {
		p.Errorf("exit %d, and what is not there is told %d times:\n%s", typo.Code, n, typo.Stderr)
	}
}

// lost: the namespace goes, and a record of what was pinned brings the data into another one.
func lost(p *place) {
	p.claims("doomed", "db")
	p.bed.Namespace(p, "saved")
	must(p, os.WriteFile(filepath.Join(p.bed.VolumePath(p, "doomed", "db"), "file"), []byte("one"), 0o600))
	p.prints(p.volumes("take", "-n", "doomed", "--run", "doomed", "--ready"))
	must(p, p.bed.Client.CoreV1().Namespaces().Delete(p.ctx, "doomed", metav1.DeleteOptions{}))
	p.bed.Gone(p, schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}, "", "doomed")

	p.prints(p.volumes("list", "-n", "doomed", "--lost"), "doomed", "pinned")
	file := filepath.Join(p.TempDir(), "volumes.json")
	command.Bad(p, p.volumes("export", file, "--run", "doomed"), 1, "--lost")
	p.prints(p.volumes("export", file, "--run", "doomed", "--lost"), "1 record in ")
	p.prints(p.volumes("import", file, "--to", "saved", "--yes"), "imported  saved/", "1 snapshot imported")
	all := p.lists()
	i := slices.IndexFunc(all, func(s volsnap.Snapshot) bool { return s.Namespace == "saved" })
	p.prints(p.volumes("restore", "saved/"+all[i].Name, "saved/db", "--storage-class", p.driver.Name), "claim saved/db bound")
	text, err := os.ReadFile(filepath.Join(p.bed.VolumePath(p, "saved", "db"), "file"))
	if err != nil || string(text) != "one" {
		p.Errorf("the claim has %q, %v", text, err)
	}
}
