package volcommands

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
)

// records go to what there is: links are followed, and what is no regular file stays what it is.
func records(p *place) {
	p.claims("records", "db")
	dir := p.TempDir()
	command.Bad(p, p.volumes("take", "-n", "records", "--records", filepath.Join(dir, "none", "volumes.json")), 1,
		"nothing was taken")
	if all := p.lists(); holdsNamespace(all, "records") {
		p.Error("it has taken snapshots though their records have no place")
	}
	file, link := filepath.Join(dir, "volumes.json"), filepath.Join(dir, "link")
	must(p, os.WriteFile(file, []byte("old"), 0o600))
	must(p, os.Symlink(file, link))
	command.Good(p, p.volumes("take", "-n", "records", "--run", "records", "--records", link))
	text, err := os.ReadFile(file)
	must(p, err)
	if target, err := os.Readlink(link); err != nil || target != file || !bytes.Contains(text, []byte(`"handle"`)) {
		p.Errorf("the link goes to %q, %v, and the file has %q", target, err, text)
	}
	out := filepath.Join(dir, "stdout") // as /dev/stdout, which a command that replaces it would take from the machine
	must(p, os.Symlink("/proc/self/fd/1", out))
	if o := p.volumes("export", out, "--run", "records"); o.Code != 0 || !strings.Contains(o.Stdout, `"handle"`) {
		p.Errorf("to standard output: exit %d\n%s%s", o.Code, o.Stdout, o.Stderr)
	}
	p.pipe(filepath.Join(dir, "pipe"))
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		p.Errorf("%v are left, %v", left, err)
	}

	p.prints(p.volumes("import", file, "--prefix", "my-"), "nothing was imported")
	command.Bad(p, p.volumes("import", file, "--to", "nosuch"), 1, `no namespace "nosuch"`)
	command.Bad(p, p.volumes("import", file, "--prefix", "My_"), 1, "can't be the name")
	must(p, os.WriteFile(file, []byte(aRecord), 0o600))
	command.Bad(p, p.volumes("import", file, "--to", "records"), 1, "none.example.com")
	if o := p.volumes("import", file, "--to", "records", "--yes", "-o", "json"); o.Code != 1 || strings.TrimSpace(o.Stdout) != "[]" {
		p.Errorf("exit %d, and as JSON %q", o.Code, o.Stdout)
	}
	empty, _, _ := strings.Cut(aRecord, `{"driver"`)
	must(p, os.WriteFile(file, []byte(empty+"]}"), 0o600))
	command.Bad(p, p.volumes("import", file, "--yes"), 1, "it has no records")
}

// pipe exports to one that somebody reads.
func (p *place) pipe(name string) {
	must(p, syscall.Mkfifo(name, 0o600))
	got := make(chan string)
	go func() {
		f, err := os.Open(name)
		if err != nil {
			got <- err.Error()
			return
		}
		defer f.Close()
		text, _ := io.ReadAll(f)
		got <- string(text)
	}()
	command.Good(p, p.volumes("export", name, "--run", "records"))
	info, err := os.Lstat(name)
	must(p, err)
	if info.Mode()&os.ModeNamedPipe == 0 {
		p.Fatalf("it has put a file in the place of the pipe: %v", info.Mode())
	}
	if text := <-got; !strings.Contains(text, `"handle"`) {
		p.Errorf("through the pipe came %q", text)
	}
}

// late: the time is over while the run waits for what is cut to be ready. What is cut is written down all the same.
func late(p *place) {
	p.claims("late", "db")
	p.driver.Set(driver.Temper{ReadyAfter: 1 << 60})
	defer p.driver.Set(driver.Temper{})
	file := filepath.Join(p.TempDir(), "volumes.json")
	command.Bad(p, p.volumes("take", "-n", "late", "--run", "late", "--ready", "--timeout", "4s", "--records", file), 1, "late/db")
	if text, err := os.ReadFile(file); err != nil || !bytes.Contains(text, []byte(`"late"`)) {
		p.Errorf("the records are %q, %v", text, err)
	}
}
