package volcommands

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/prune"
)

// lists gives what list prints as JSON.
func (p *place) lists(args ...string) []volsnap.Snapshot {
	p.Helper()
	var all []volsnap.Snapshot
	must(p, json.Unmarshal([]byte(p.prints(p.volumes(append([]string{"list", "-o", "json"}, args...)...))), &all))
	return all
}

// tour runs all commands as a user does, one after the other.
func tour(p *place) {
	p.claims("tool", "data")
	must(p, os.WriteFile(filepath.Join(p.bed.VolumePath(p, "tool", "data"), "file"), []byte("one"), 0o600))
	p.commandTakes()
	p.commandRestores()
	p.commandHandsOver()
	p.commandPrunes()
	p.commandRefuses()
}

func (p *place) commandTakes() {
	before := p.driver.Snapshots()
	p.prints(p.volumes("take", "-n", "tool", "--dry-run"), "1 to be snapshotted", p.driver.Name)
	if now := p.driver.Snapshots(); len(now) != len(before) || len(p.lists("-n", "tool")) > 0 {
		p.Error("a dry run has taken something")
	}
	records := filepath.Join(p.TempDir(), "volumes.json")
	p.prints(p.volumes("take", "-n", "tool", "--run", "tool-1", "--records", records, "--ready"),
		"taken     tool/data: ", "ready,pinned", "run       tool-1: 1 snapshot of 1 volume")
	if text, err := os.ReadFile(records); err != nil || !strings.Contains(string(text), `"tool-1"`) {
		p.Errorf("the records are %s, %v", text, err)
	}
	command.Good(p, p.volumes("take", "tool/data", "--run", "tool-2"))
	var account volsnap.Account
	must(p, json.Unmarshal([]byte(p.prints(p.volumes("take", "tool/data", "--run", "tool-2", "-o", "json"))), &account))
	if account.Run != "tool-2" || len(account.Volumes) != 1 || account.Volumes[0].Outcome != volsnap.Snapshotted {
		p.Errorf("the account is %+v", account)
	}
	p.prints(p.volumes("wait", "--run", "tool-2"), "ready,pinned")
	if all := p.lists("-n", "tool"); len(all) != 2 {
		p.Errorf("two runs have left %d snapshots", len(all))
	}
	p.prints(p.volumes("list", "--run", "tool-1"), "NAMESPACE", "tool-1", "ready,pinned")

	p.driver.Set(driver.Temper{ReadyAfter: 1 << 60})
	command.Good(p, p.volumes("take", "tool/data", "--run", "tool-slow"))
	slow := p.volumes("wait", "--run", "tool-slow", "--timeout", "3s")
	command.Bad(p, slow, 1, "snapshot tool/", "driver working")
	listed := p.volumes("list", "--run", "tool-slow", "--why")
	if p.prints(listed, "cut,pinned"); !strings.Contains(listed.Stderr, "driver working") {
		p.Errorf("--why says %q", listed.Stderr)
	}
	p.driver.Set(driver.Temper{})

	pending := csibed.Claim("tool", "pending", csibed.Waiting(p.driver.Name))
	p.bed.MakeClaim(p, pending)
	command.Bad(p, p.volumes("take", "-n", "tool", "--run", "tool-3"), 1, "volume tool/pending: unbound")
	command.Good(p, p.volumes("take", "-n", "tool", "--run", "tool-3", "--accept", "unbound"))
	must(p, p.bed.Client.CoreV1().PersistentVolumeClaims("tool").Delete(p.ctx, "pending", metav1.DeleteOptions{}))
	p.bed.Gone(p, claims, "tool", "pending")
}

func (p *place) commandRestores() {
	from := "tool/" + p.lists("--run", "tool-1")[0].Name
	must(p, os.WriteFile(filepath.Join(p.bed.VolumePath(p, "tool", "data"), "file"), []byte("two"), 0o600))
	p.prints(p.volumes("restore", from, "tool/copy"), "good      claim tool/copy bound")
	p.holds("tool", "copy", "one")
	p.prints(p.volumes("restore", from, "--drill"), "can be restored from")
	command.Bad(p, p.volumes("restore", from, "tool/data", "--in-place"), 2, "add --yes")
	p.holds("tool", "data", "two")
	p.prints(p.volumes("restore", from, "tool/data", "--in-place", "--yes"), "claim tool/data bound; old volume ")
	p.holds("tool", "data", "one")
	p.prints(p.volumes("restore", "--undo", "tool/data", "--yes"), "has its old volume again")
	p.holds("tool", "data", "two")
	swapped := p.prints(p.volumes("restore", from, "tool/data", "--in-place", "--yes"))
	_, old, _ := strings.Cut(swapped, "old volume ")
	old, _, _ = strings.Cut(old, " ")
	p.prints(p.volumes("restore", "--discard", old, "--yes"), "volume "+old+" is gone")
	p.holds("tool", "data", "one")
	command.Bad(p, p.volumes("restore", "tool/none", "tool/other"), 1, "not found")
}

// holds looks into the file of a claim.
func (p *place) holds(namespace, claim, want string) {
	p.Helper()
	p.bed.Bound(p, namespace, claim)
	text, err := os.ReadFile(filepath.Join(p.bed.VolumePath(p, namespace, claim), "file"))
	if err != nil || string(text) != want {
		p.Errorf("claim %s/%s has %q, %v, want %q", namespace, claim, text, err, want)
	}
}

func (p *place) commandHandsOver() {
	p.bed.Namespace(p, "tool-copy")
	file := filepath.Join(p.TempDir(), "records.json")
	name := p.lists("--run", "tool-1")[0].Name
	command.Good(p, p.volumes("export", file, "--run", "tool-1"))
	p.prints(p.volumes("export", "-", "tool/"+name), `"handle": `)
	p.prints(p.volumes("import", file, "--to", "tool-copy"), "import    tool/"+name, "nothing was imported")
	if len(p.lists("-n", "tool-copy")) > 0 {
		p.Error("it was imported without --yes")
	}
	p.prints(p.volumes("import", file, "tool/"+name, "--to", "tool-copy", "--prefix", "my-", "--yes"),
		"imported", "tool-copy/my-"+name+": ready,imported")
	command.Bad(p, p.volumes("import", file, "tool/none"), 1, "it has no record of")
	command.Bad(p, p.volumes("export", file, "--run", "none"), 1, `run "none" has no snapshots`)
	copied := "tool-copy/my-" + name
	p.prints(p.volumes("restore", copied, "tool-copy/data", "--storage-class", p.driver.Name), "bound")
	must(p, p.bed.Dynamic.Resource(csibed.Snapshots).Namespace("tool-copy").Delete(p.ctx, "my-"+name, metav1.DeleteOptions{}))
	p.bed.Gone(p, csibed.Snapshots, "tool-copy", "my-"+name)
}

func (p *place) commandPrunes() {
	before := len(p.driver.Snapshots())
	args := []string{"prune", "-n", "tool", "--keep-last", "2"}
	o := p.prints(p.volumes(args...), "plan      ", "nothing was deleted: add --yes",
		"delete    tool/", "keep      tool/", ": chosen")
	if n := len(p.driver.Snapshots()); n != before {
		p.Error("it has pruned without --yes")
	}
	var plan prune.Plan
	must(p, json.Unmarshal([]byte(p.prints(p.volumes(append(args, "-o", "json")...))), &plan))
	going := 0
	for _, i := range plan.Items {
		if i.Do == prune.Delete {
			going++
		}
	}
	if going == 0 || going != strings.Count(o, "delete    ") {
		p.Errorf("%d are to go:\n%s", going, o)
	}
	p.prints(p.volumes(append(args, "--yes")...), "deleted   tool/")
	if n := len(p.driver.Snapshots()); n != before-going {
		p.Errorf("the driver has %d snapshots, want %d", n, before-going)
	}
}

// commandRefuses are command lines that can't be meant.
func (p *place) commandRefuses() {
	for _, args := range [][]string{
		{"prune"}, {"prune", "x"}, {"take", "tool/data", "-n", "tool"}, {"take", "--hooks", "x"}, {"wait"}, {"list", "x"},
		{"restore", "tool/x"}, {"restore", "x", "tool/y"}, {"restore", "tool/x", "--drill", "--undo"},
		{"restore", "tool/x", "tool/y", "--stop", "deployment/z"}, {"export"}, {"export", "file"}, {"export", "-", "x"},
		{"import"},
	} {
		command.Bad(p, p.volumes(args...), 2)
	}
	command.Bad(p, p.volumes("take", "tool/none"), 1, "not found")
	command.Bad(p, p.volumes("take", "tool/data", "--run", "a b"), 2, "can't be a label")
	command.Bad(p, p.volumes("import", "/dev/null"), 1, "read records")
	command.Bad(p, p.volumes("wait", "--run", "none"), 1, `run "none" has no snapshots`)
}
