package volfreeze

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// writerVariable names the folder that this program, run again, writes records to.
const writerVariable = "CLUSTERSNAP_TEST_WRITER"

// writeRecords appends numbered lines to a file and prints the number of each once it is on the disk. Each tenth has a file of
// its own besides, so that there is more than one file's data to be consistent.
func writeRecords(dir string) error {
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		if n%10 == 0 {
			if err := os.WriteFile(filepath.Join(dir, "file-"+strconv.Itoa(n)), nil, 0o644); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintln(log, n); err != nil {
			return err
		}
		if err := log.Sync(); err != nil {
			return err
		}
		if _, err := fmt.Println(n); err != nil {
			return err
		}
	}
}

// writer is a process that writes records. The kernel does not let it be killed while its file system is frozen.
type writer struct {
	testing.TB
	ctx   context.Context // of what must come
	mu    sync.Mutex
	acked int
	news  *sync.Cond
}

// startWriter starts one. The test ends it, and thaws before that.
func startWriter(t testing.TB, dir string) *writer {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writerVariable+"="+dir)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	w := &writer{TB: t, ctx: stuck(t)}
	w.news = sync.NewCond(&w.mu)
	context.AfterFunc(w.ctx, w.news.Broadcast)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			n, err := strconv.Atoi(lines.Text())
			w.mu.Lock()
			if err == nil {
				w.acked = n
			}
			w.news.Broadcast()
			w.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = exec.Command("fsfreeze", "--unfreeze", dir).Run() // or the kernel does not let it go
		_ = cmd.Process.Kill()
		<-ended
		_ = cmd.Wait()
	})
	return w
}

// count is how many records are acknowledged by now.
func (w *writer) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.acked
}

// more returns when so many more records are acknowledged. If the file system stays frozen, none are.
func (w *writer) more(n int) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for wanted := w.acked + n; w.acked < wanted; {
		if w.ctx.Err() != nil {
			w.Fatalf("%d records are acknowledged, and no more", w.acked)
		}
		w.news.Wait()
	}
}

// checkCopy has the copy of a file system checked, and looks for all records up to acked.
func checkCopy(t testing.TB, image string, acked int) {
	t.Helper()
	if out, err := exec.Command("e2fsck", "-f", "-n", image).CombinedOutput(); err != nil {
		t.Errorf("the copy is not clean: %v\n%s", err, out)
	}
	at := t.TempDir()
	// noload: the journal is not looked at, so that what it would repair is missing.
	if out, err := exec.Command("mount", "-o", "loop,ro,noload", image, at).CombinedOutput(); err != nil {
		t.Fatalf("mount the copy: %v: %s", err, out)
	}
	defer func() {
		if out, err := exec.Command("umount", at).CombinedOutput(); err != nil {
			t.Errorf("unmount the copy: %v: %s", err, out)
		}
	}()
	text, err := os.ReadFile(filepath.Join(at, "log"))
	must(t, err)
	lines := strings.Fields(string(text))
	if len(lines) < acked {
		t.Errorf("the copy has %d records, and %d were acknowledged", len(lines), acked)
	}
	for i, line := range lines {
		if line != strconv.Itoa(i+1) {
			t.Fatalf("record %d of the copy is %q", i+1, line)
		}
		if _, err := os.Stat(filepath.Join(at, "file-"+line)); (i+1)%10 == 0 && err != nil {
			t.Errorf("record %s has no file: %v", line, err)
		}
	}
}
