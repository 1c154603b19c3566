package stores

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
)

func TestUsage(t *testing.T) {
	recipient, key := command.KeyPair(t)
	folder := "file://" + t.TempDir() + "/"
	for _, c := range []struct {
		args string
		code int
		says []string
	}{
		{"list", 2, []string{"URL is missing"}},
		{"verify", 2, []string{"FILE|URL is missing"}},
		{"list /tmp", 2, []string{"no URL", "file:///"}},
		{"prune /tmp", 2, []string{"no URL", "file:///"}},
		{"prune " + folder + " --leftover 59m", 2, []string{"--leftover"}},
		{"list " + folder + "x.clustersnap", 1, []string{"x.clustersnap"}},
		{"list s3://bucket/f#er/", 2, []string{"#"}},
		{"list s3://bucket/?secret_access_key=hush", 2, []string{"secret_access_key"}},
		{"list s3://bucket/?endpoint=http://key:hush@host/", 2, []string{"no user or password"}},
		{"backup --to " + folder + " --cluster \u200b --recipient " + recipient, 2, []string{"--cluster"}},
		{"backup --to " + folder + " --node \u200b --recipient " + recipient, 2, []string{"--node"}},
		{"backup --to x --node cp1 --recipient " + recipient, 2, []string{"for a --to URL"}},
		{"prune " + folder + "x.clustersnap", 2, []string{"give its folder"}},
		{"list file:///does/not/exist/", 1, []string{"/does/not/exist"}},
		{"list gs://bucket/", 2, []string{"-tags gs"}},
		{"list s3://key:hush@bucket/", 2, []string{"no user or password", "AWS_ACCESS_KEY_ID"}},
		{"verify " + folder + "x.clustersnap --identity " + key, 1, []string{"x.clustersnap"}},
		{"backup --to s3://bucket/?retain_days=3 --recipient " + recipient, 2, []string{"go together"}},
		{"backup --to " + folder + " --recipient " + recipient + " --root /does/not/exist", 1, []string{"/does/not/exist"}},
		{"backup --to x --cluster prod --recipient " + recipient, 2, []string{"for a --to URL"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			o := command.Run(t, "", strings.Fields(c.args)...)
			command.Bad(t, o, c.code, c.says...)
			if strings.Contains(o.Stdout+o.Stderr, "hush") {
				t.Error("a password is on the screen")
			}
		})
	}
	if o := command.Run(t, "", "list", folder); o.Code != 0 || !strings.Contains(o.Stdout, "0 sets") {
		t.Errorf("an empty folder: exit %d, %s%s", o.Code, o.Stdout, o.Stderr)
	}
	for _, of := range []string{"list", "prune", "backup", "verify"} {
		o := command.Run(t, "", of, "--help")
		for line := range strings.Lines(o.Stdout) {
			if len(line) > 81 {
				t.Errorf("%s: wider than a terminal: %s", of, line)
			}
		}
	}
}

// Where there are no credentials, one sentence says what to do, and what the driver's library tries for them is not shown.
func TestNoCredentials(t *testing.T) {
	var asked atomic.Int64
	machine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusForbidden)
	}))
	defer machine.Close()
	recipient, _ := command.KeyPair(t)
	node := startNode(t, 1)
	for _, args := range [][]string{
		{"list", "s3://bucket/"}, {"prune", "s3://bucket/"}, {"verify", "s3://bucket/x.clustersnap"},
		backup(node, "s3://bucket/", recipient),
	} {
		cmd := exec.Command(command.Path(t), args...)
		for _, variable := range os.Environ() {
			if !strings.HasPrefix(variable, "AWS_ACCESS") && !strings.HasPrefix(variable, "AWS_SECRET") {
				cmd.Env = append(cmd.Env, variable)
			}
		}
		cmd.Env = append(cmd.Env, "AWS_EC2_METADATA_DISABLED=false", "AWS_EC2_METADATA_SERVICE_ENDPOINT="+machine.URL)
		before := asked.Load()
		command.Bad(t, command.Of(t, cmd, cmd.Run), 1, args[0]+": ", "no credentials for S3: set AWS_ACCESS_KEY_ID")
		if asked.Load() == before {
			t.Errorf("%s: the machine was not asked", args[0])
		}
	}
}

// A backup to a FILE has no receipt, and prune leaves it alone, how ever old it is.
func TestPruneLeavesFiles(t *testing.T) {
	dir := t.TempDir()
	folder, file := "file://"+dir+"/", filepath.Join(dir, "cp1.clustersnap")
	if err := os.WriteFile(file, []byte("a backup"), 0o600); err != nil {
		t.Fatal(err)
	}
	then := time.Now().AddDate(0, -1, 0)
	if err := os.Chtimes(file, then, then); err != nil {
		t.Fatal(err)
	}
	o := command.Good(t, command.Run(t, "", "prune", folder, "--keep-daily", "1", "--yes"))
	if _, err := os.Stat(file); err != nil || !strings.Contains(o.Stdout, "--without-receipt") {
		t.Errorf("%v: %s", err, o.Stdout)
	}
	command.Bad(t, command.Run(t, "", "verify", "file://"+file), 1, "give the path")
	o = command.Good(t, command.Run(t, "", "prune", folder, "--without-receipt"))
	if _, err := os.Stat(file); err != nil || !strings.Contains(o.Stdout, "add --yes") {
		t.Errorf("%v: %s", err, o.Stdout)
	}
	command.Good(t, command.Run(t, "", "prune", folder, "--without-receipt", "--yes"))
	if _, err := os.Stat(file); err == nil {
		t.Error("it is there still")
	}
}
