package csibed

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
)

// boxScript makes the file system of a container in a mount namespace that is new, and stays as the first process of a
// PID namespace that is new, so that the kernel ends all of a container with it. $1 is an empty folder; pairs of a folder
// and where to mount it follow. /proc is still the old one when the process reads its own number.
const boxScript = `set -e
root=$1; shift
read -r pid rest </proc/self/stat
mount -t tmpfs tmpfs "$root"
for d in usr etc dev tmp; do mkdir "$root/$d"; mount --rbind "/$d" "$root/$d"; done
for d in bin sbin lib lib64; do
  if [ -L "/$d" ]; then cp -P "/$d" "$root/"
  elif [ -d "/$d" ]; then mkdir "$root/$d"; mount --rbind "/$d" "$root/$d"; fi
done
mkdir "$root/proc" "$root/sys" "$root/run" "$root/var" "$root/root"
mount -t proc proc "$root/proc"
while [ $# -gt 0 ]; do mkdir -p "$root$2"; mount --bind "$1" "$root$2"; shift 2; done
exec chroot "$root" sh -c 'echo "$1"; exec >/dev/null; while :; do sleep 3600 & wait $!; done' sh "$pid"`

// box is the namespaces of one container.
type box struct {
	node  *bed.Node
	pid   string // of its first process, as this machine sees it
	end   func() // kills all of it
	ended chan error
}

// mount is a folder of this machine that a container sees.
type mount struct{ from, at string }

// newBox makes a box around an empty folder.
func newBox(node *bed.Node, root string, mounts []mount) (*box, error) {
	args := []string{
		"--mount", "--propagation", "slave", "--pid", "--fork", "--kill-child=KILL", "sh", "-c", boxScript, "sh", root,
	}
	for _, m := range mounts {
		args = append(args, m.from, m.at)
	}
	cmd := exec.Command("unshare", args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	cmd.Stdout = write
	wait, err := node.Start(cmd)
	write.Close()
	if err != nil {
		return nil, err
	}
	b := &box{node: node, end: func() { cmd.Process.Kill() }, ended: make(chan error, 1)}
	go func() { b.ended <- wait() }()
	line, err := bufio.NewReader(read).ReadString('\n')
	if err == nil {
		b.pid = strings.TrimSpace(line)
		_, err = strconv.Atoi(b.pid)
	}
	if err != nil {
		b.close()
		return nil, fmt.Errorf("make box: %w: %s", err, stderr.String())
	}
	return b, nil
}

// close ends what runs in the box.
func (b *box) close() {
	b.end()
	<-b.ended
}

// path is where programs are looked for in a box.
const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// has reports whether there is such a program in the box.
func (b *box) has(program string) bool {
	folders := filepath.SplitList(path)
	if strings.Contains(program, "/") {
		folders = []string{"/"}
	}
	for _, folder := range folders {
		if _, err := os.Stat(filepath.Join("/proc", b.pid, "root", folder, program)); err == nil {
			return true
		}
	}
	return false
}

// run runs a command in the box and gives its exit code, 128 and more for a signal. As in a real container, the command
// goes on if ctx ends first, and run waits for all who have its output open.
func (b *box) run(ctx context.Context, command, env []string, in io.Reader, out, errs io.Writer) (code int, err error) {
	args := append([]string{"--target", b.pid, "--mount", "--pid", "--root", "--wd", "--"}, command...)
	cmd := exec.CommandContext(ctx, "nsenter", args...)
	cmd.Env = append([]string{"PATH=" + path, "HOME=/root"}, env...)
	cmd.Stdout, cmd.Stderr = out, errs
	if in != nil {
		pipe, err := cmd.StdinPipe() // an end of the command must not wait for an end of its input
		if err != nil {
			return 0, err
		}
		go func() {
			io.Copy(pipe, in)
			pipe.Close()
		}()
	}
	err = b.node.Run(cmd)
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		if code = exit.ExitCode(); code < 0 {
			code = 137 // killed, and so was nsenter
		}
		return code, nil
	}
	return 0, err
}
