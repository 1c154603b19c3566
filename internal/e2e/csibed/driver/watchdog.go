package driver

import (
	"io"
	"os/exec"
	"syscall"
	"testing"
)

// watchdog thaws and unmounts what is below a folder, and removes it, once its input ends, as it does when the test
// process has gone however that came about. Thawing first: a process that writes to a frozen file system can't even be
// killed.
const watchdog = `cat >/dev/null
for m in "$1"/volume-*/; do [ ! -d "$m" ] || fsfreeze -u "$m" 2>/dev/null; done
used=
for m in "$1"/volume-*/; do mountpoint -q "$m" || continue; umount "$m" || { umount -l "$m"; used="$used $m"; }; done
rm -rf --one-file-system "$1"
[ -z "$used" ] || { echo "in use:$used"; exit 1; }`

// watch starts the watchdog. The test ends it.
func watch(t testing.TB, dir string) {
	t.Helper()
	cmd := exec.Command("sh", "-c", watchdog, "sh", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // not ended by what ends the test
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		text, _ := io.ReadAll(out)
		if err := cmd.Wait(); err != nil {
			t.Errorf("remove the volumes in %s: %v: %s", dir, err, text)
		}
	})
}
