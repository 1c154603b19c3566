package terminal

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
)

func TestMain(m *testing.M) { command.Main(m) }

// columns are those of the terminal.
const columns = 80

// screen is what stands on a terminal when a program has ended, with what has scrolled away.
type screen struct {
	lines []string // each as it was written, however many rows of the terminal it takes
	raw   string   // with the escapes of colours, as tmux writes them
}

// show runs a line of shell in a terminal. Its environment is that of the test and env.
func show(t testing.TB, env []string, line string) screen {
	t.Helper()
	dir := t.TempDir()
	conf, raw, script := filepath.Join(dir, "tmux.conf"), filepath.Join(dir, "screen"), filepath.Join(dir, "script")
	must(t, os.WriteFile(conf, []byte("set -g default-terminal screen-256color\nset -g history-limit 10000\n"), 0o600))
	// The terminal answers where its cursor is once it has taken in all that came before.
	must(t, os.WriteFile(script, []byte(line+`
stty -echo -icanon
printf '\033[6n'
read -rs -d R
tmux capture-pane -p -e -J -S - -t "$TMUX_PANE" > `+raw+"\n"), 0o600))
	tmux := exec.CommandContext(t.Context(), "tmux", "-S", filepath.Join(dir, "socket"), "-f", conf,
		"new-session", "-d", "-x", strconv.Itoa(columns), "-y", "50", "-P", "-F", "#{pid}", "bash", script)
	tmux.Env = append(append(os.Environ(), "LC_ALL=C.UTF-8"), env...)
	pid, err := tmux.Output()
	must(t, err)
	ended(t, strings.TrimSpace(string(pid)))
	text, err := os.ReadFile(raw)
	must(t, err)
	s := screen{raw: strings.TrimRight(string(text), "\n ")}
	for l := range strings.Lines(colours.ReplaceAllString(s.raw, "")) {
		s.lines = append(s.lines, strings.TrimRight(l, " \n"))
	}
	return s
}

// ended waits for a process that is no child of this one: tmux's server, which ends with the program.
func ended(t testing.TB, pid string) {
	t.Helper()
	number, err := strconv.Atoi(pid)
	must(t, err)
	fd, err := unix.PidfdOpen(number, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	must(t, err)
	defer unix.Close(fd)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		if n == 1 {
			return
		}
		if !errors.Is(err, unix.EINTR) {
			must(t, err)
		}
	}
}

// shown runs the command there, which has to end well, with each argument as it is.
func shown(t testing.TB, env []string, args ...string) screen {
	t.Helper()
	return show(t, env, quoted(append([]string{command.Path(t)}, args...)))
}

func quoted(args []string) string {
	for i, a := range args {
		args[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
	}
	return strings.Join(args, " ")
}

// toCopy is a line with a command for people to copy, which is broken nowhere.
var toCopy = regexp.MustCompile(`^(good +next: clustersnap|next +clustersnap|then|others) `)

// fits holds that no line is wrapped, and that nothing stands there that is no text.
func (s screen) fits(t testing.TB, what string) {
	t.Helper()
	if len(s.lines) == 0 {
		t.Errorf("%s prints nothing", what)
	}
	for _, l := range s.lines {
		if len([]rune(l)) > columns && !toCopy.MatchString(l) && strings.Contains(strings.TrimSpace(l), " ") {
			t.Errorf("%s: wider than the terminal, %d columns: %s", what, len([]rune(l)), l)
		}
	}
	s.clean(t, what)
}

// clean holds that no escape but that of a colour is left, and nothing of what has shown progress.
func (s screen) clean(t testing.TB, what string) {
	t.Helper()
	for _, l := range s.lines {
		if i := strings.IndexFunc(l, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }); i >= 0 {
			t.Errorf("%s: no text: %q", what, l)
		}
		if progress.MatchString(l) {
			t.Errorf("%s: what showed its progress is left: %q", what, l)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
