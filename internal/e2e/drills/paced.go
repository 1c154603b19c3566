package drills

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
)

// paced is a restore by the command on a node that stops at each line of its journal, until it is let go on: it says each line
// once that is on disk, and nobody takes what it says. So it can be killed where it is, and not somewhere behind that.
type paced struct {
	s     *Scene
	cmd   *exec.Cmd
	said  *os.File
	error bytes.Buffer // what it says at its end
	lines int          // of the journal, at which it has been
}

// pace starts it. The journal of a restore before has to be gone.
func pace(t testing.TB, s *Scene, args ...string) *paced {
	t.Helper()
	if lines := s.journal(t); len(lines) > 0 {
		t.Fatalf("a journal is there: %q", lines)
	}
	// A pipe with room for one write, and one in it.
	var fds [2]int
	must(t, unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_DIRECT))
	said, says := os.NewFile(uintptr(fds[0]), "said"), os.NewFile(uintptr(fds[1]), "says")
	defer says.Close()
	_, err := unix.FcntlInt(says.Fd(), unix.F_SETPIPE_SZ, os.Getpagesize())
	must(t, err)
	_, err = says.Write([]byte("\n"))
	must(t, err)
	p := &paced{s: s, said: said, cmd: s.Node.Enter(t.Context(), args...)}
	p.cmd.Stdout, p.cmd.Stderr = says, &p.error
	must(t, p.cmd.Start())
	t.Cleanup(func() {
		said.Close()
		if p.cmd.ProcessState == nil {
			t.Error(errors.Join(s.Node.Kill("clustersnap"), p.cmd.Wait()))
		}
	})
	return p
}

// reach lets it go on to a line, such as "fence done", which is on disk then. Nothing behind that is done.
func (p *paced) reach(t testing.TB, line string) {
	t.Helper()
	tick := time.NewTicker(pollEach / 10)
	defer tick.Stop()
	for ctx := stuck(t); ; {
		all := p.s.journal(t)
		for ; len(all) > p.lines; p.lines++ {
			if all[p.lines] == line {
				return
			}
			if _, err := p.said.Read(make([]byte, os.Getpagesize())); err != nil {
				t.Fatalf("it has not come to %q: %v", line, err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("it has come to %q, and not to %q", all, line)
		}
	}
}

// goOn lets it do what it has left to do, or what it can.
func (p *paced) goOn() { go io.Copy(io.Discard, p.said) }

// kill ends it with SIGKILL.
func (p *paced) kill(t testing.TB) {
	t.Helper()
	must(t, p.s.Node.Kill("clustersnap"))
	p.ended(t)
}

// powerCut ends the whole node, which boots again.
func (p *paced) powerCut(t testing.TB) {
	t.Helper()
	must(t, p.s.Node.PowerCut())
	p.ended(t)
	must(t, p.s.Node.Boot(stuck(t)))
}

func (p *paced) ended(t testing.TB) {
	t.Helper()
	if o := p.wait(t); o.Code >= 0 && o.Stderr != "" {
		t.Errorf("it has ended by itself: %s", o.Stderr)
	}
}

// wait lets it go on to its end.
func (p *paced) wait(t testing.TB) command.Outcome {
	t.Helper()
	p.goOn()
	err := p.cmd.Wait()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return command.Outcome{Code: p.cmd.ProcessState.ExitCode(), Stderr: p.error.String()}
}

// journals are the files of journals on the node.
func (s *Scene) journals(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.Node.Root, "var/lib/.etcd.restore/*.journal"))
	must(t, err)
	return files
}

// journal are the whole lines of the last journal on the node: the step and its state.
func (s *Scene) journal(t testing.TB) (lines []string) {
	t.Helper()
	files := s.journals(t)
	if len(files) == 0 {
		return nil
	}
	text, err := os.ReadFile(files[len(files)-1])
	must(t, err)
	for {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		if !whole {
			return lines
		}
		var one struct{ Step, State string }
		must(t, json.Unmarshal(line, &one))
		name := one.State
		if one.Step != "" {
			name = one.Step + " " + one.State
		}
		lines, text = append(lines, name), rest
	}
}
