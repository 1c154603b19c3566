package volfreeze

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/quiesce"
)

// volume is a file system, as this machine sees it and as pods do, that a process writes to.
type volume struct {
	*scene
	name, dir, path string
	pod             *quiesce.Pod
	writer          *writer
}

// volume makes a pod with a claim of its own name.
func (s *scene) volume(name string) *volume {
	s.Helper()
	s.bed.Claims(s, namespace, s.bed.Drivers[0].Name, name)
	v := &volume{scene: s, name: name, dir: s.bed.VolumePath(s, namespace, name), path: csibed.MountPath(name)}
	v.pod = s.pod(name, nil, name)
	s.Cleanup(func() { // of a test that has failed
		for _, p := range v.switches() {
			_ = syscall.Kill(p, syscall.SIGKILL)
		}
	})
	v.writer = startWriter(s, v.dir)
	v.writer.more(1)
	return v
}

// hook freezes the volume for so long at most.
func (v *volume) hook(longest time.Duration) quiesce.Hook {
	return quiesce.FSFreeze(v.cluster, at(v.path), quiesce.FreezeOptions{Longest: longest})
}

// at is the choice of one file system.
func at(path string) func(*quiesce.Pod) ([]quiesce.Mount, error) {
	return func(*quiesce.Pod) ([]quiesce.Mount, error) { return []quiesce.Mount{{Path: path}}, nil }
}

// thawed tries to thaw, and reports whether there was nothing to.
func (v *volume) thawed() bool {
	v.Helper()
	out, err := exec.Command("fsfreeze", "--unfreeze", v.dir).CombinedOutput()
	if err != nil && !strings.Contains(string(out), "Invalid argument") {
		v.Fatalf("fsfreeze: %v: %s", err, out)
	}
	return err != nil
}

// switches are the processes of freezes of the volume, as this machine numbers them.
func (v *volume) switches() (found []int) {
	v.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	must(v, err)
	for _, file := range files {
		text, _ := os.ReadFile(file) // it may have ended
		args := strings.Split(string(text), "\x00")
		if len(args) > 5 && strings.HasPrefix(args[2], "# clustersnap-") && strings.Contains(args[5], v.path) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			must(v, err)
			found = append(found, pid)
		}
	}
	return found
}

// noSwitch waits until all processes of freezes have gone: a signal takes a moment.
func (v *volume) noSwitch() {
	v.Helper()
	for pids := v.switches(); len(pids) > 0; pids = v.switches() {
		v.ended(pids[0])
	}
}

// ended waits until a process has gone.
func (v *volume) ended(pid int) {
	v.Helper()
	process, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	must(v, err)
	defer unix.Close(process)
	gone, err := 0, error(unix.EINTR) // which the runtime's own signals cause
	for errors.Is(err, unix.EINTR) {
		gone, err = unix.Poll([]unix.PollFd{{Fd: int32(process), Events: unix.POLLIN}}, int(time.Minute.Milliseconds()))
	}
	must(v, err)
	if gone == 0 {
		v.Fatalf("still there: %d", pid)
	}
}

// free checks that the volume can be written to, and that nothing of a freeze is left.
func (v *volume) free() {
	v.Helper()
	v.noSwitch()
	v.writer.more(10) // at most one was on its way
	if !v.thawed() {
		v.Error("still frozen")
	}
}

// freeze freezes and thaws two file systems of a pod, again and again: a switch that is left would end a later freeze.
func (s *scene) freeze() {
	first, second := s.volume("freeze-a"), s.volume("freeze-b")
	s.pod("freeze", nil, "freeze-a", "freeze-b")
	both := func(*quiesce.Pod) ([]quiesce.Mount, error) {
		return []quiesce.Mount{{Path: first.path}, {Container: "other", Path: second.path + "/"}}, nil
	}
	hook := quiesce.FSFreeze(s.cluster, both, quiesce.FreezeOptions{Longest: time.Hour})
	cancelled, cancel := context.WithCancel(s.ctx)
	cancel()
	for range 3 {
		thaw, err := hook(s.ctx, namespace, "freeze")
		must(s, err)
		if len(first.switches()) != 1 || len(second.switches()) != 1 {
			s.Errorf("switches %v and %v, want one for each", first.switches(), second.switches())
		}
		if err := errors.Join(thaw(cancelled), thaw(s.ctx)); err != nil {
			s.Errorf("thaw: %v", err)
		}
		first.free()
		second.free()
	}
	if thaw, err := hook(cancelled, namespace, "freeze"); thaw != nil || !errors.Is(err, context.Canceled) {
		s.Errorf("got %v, want %v", err, context.Canceled)
	}
	first.free()
}

// half has a second file system that can't be frozen, because it is already: the first one is thawed, and no shell reads the
// path. What is of no claim is not tried at all.
func (s *scene) half() {
	v, frozen := s.volume("half"), s.volume("half-frozen")
	injected := filepath.Join(v.path, "injected")
	pod := idle("halves", nil, "half", "half-frozen")
	odd := "/odd'\"; touch " + injected + " $(touch " + injected + ")"
	pod.Spec.Containers[0].VolumeMounts[2].MountPath = odd
	s.run(pod)
	must(s, exec.Command("fsfreeze", "--freeze", frozen.dir).Run())
	for path, want := range map[string]string{odd: "Device or resource busy", tools: "no claim", "/etc": "no volumeMount"} {
		both := func(*quiesce.Pod) ([]quiesce.Mount, error) { return []quiesce.Mount{{Path: v.path}, {Path: path}}, nil }
		thaw, err := quiesce.FSFreeze(s.cluster, both, quiesce.FreezeOptions{Longest: time.Hour})(s.ctx, namespace, pod.Name)
		if thaw != nil || !holds(err, want) {
			s.Errorf("%s: got %v, want %q", path, err, want)
		}
		v.free()
	}
	if frozen.thawed() {
		s.Error("the freeze of somebody else was ended")
	}
	if _, err := os.Stat(filepath.Join(v.dir, "injected")); !errors.Is(err, fs.ErrNotExist) {
		s.Errorf("a shell has read the path: %v", err)
	}
}

// deadMan has the switch fire.
func (s *scene) deadMan() {
	v := s.volume("switch")
	thaw, err := v.hook(time.Second)(s.ctx, namespace, v.name)
	must(s, err)
	v.free()
	if err := thaw(s.ctx); !errors.Is(err, quiesce.ErrThawedEarly) {
		s.Errorf("got %v, want %v", err, quiesce.ErrThawedEarly)
	}

	// Somebody else thaws: the switch goes as well, because it would end a later freeze.
	thaw, err = v.hook(time.Hour)(s.ctx, namespace, v.name)
	must(s, err)
	if v.thawed() {
		s.Error("it was not frozen")
	}
	if err := thaw(s.ctx); !errors.Is(err, quiesce.ErrThawedEarly) {
		s.Errorf("got %v, want %v", err, quiesce.ErrThawedEarly)
	}
	v.free()
}

// mayBeFrozen takes the right to thaw away: the thaw says what that means, at once, and the switch thaws.
func (s *scene) mayBeFrozen() {
	v := s.volume("may-be-frozen")
	s.allow("short-lived", "create", "get")
	hook := quiesce.FSFreeze(s.clusterAs("short-lived"), at(v.path), quiesce.FreezeOptions{Longest: 5 * time.Second})
	thaw, err := hook(s.ctx, namespace, v.name)
	must(s, err)
	must(s, s.bed.Client.RbacV1().RoleBindings(namespace).Delete(s.ctx, "short-lived", metav1.DeleteOptions{}))
	s.known("short-lived", false)
	if err := thaw(s.ctx); !errors.Is(err, quiesce.ErrMayBeFrozen) || !apierrors.IsForbidden(err) {
		s.Errorf("got %v, want %v, for want of a right", err, quiesce.ErrMayBeFrozen)
	}
	if len(v.switches()) != 1 {
		s.Errorf("switches %v, want the one that will thaw", v.switches())
	}
	v.free()
}

// foreign has a file system that somebody else has frozen: it stays so.
func (s *scene) foreign() {
	v := s.volume("foreign")
	must(s, exec.Command("fsfreeze", "--freeze", v.dir).Run())
	thaw, err := v.hook(time.Hour)(s.ctx, namespace, v.name)
	if thaw != nil || !holds(err, "Device or resource busy") {
		s.Errorf("got %v, want that it is frozen already", err)
	}
	v.noSwitch()
	if v.thawed() {
		s.Error("the freeze of somebody else was ended")
	}
	v.free()
}

// slow has freezes of this pod take some seconds, as where much is to be written before. begun waits for one.
func (v *volume) slow() (begun func()) {
	v.Helper()
	const script = `cd "$1" && mkfifo begun && cat >fsfreeze <<'END' && chmod +x fsfreeze
#!/bin/sh
case $1 in --freeze) echo >"${0%/*}/begun"; sleep 4 ;; esac
exec /usr/sbin/fsfreeze "$@"
END`
	_, err := v.pod.Exec(v.ctx, "", "sh", "-c", script, "sh", tools)
	must(v, err)
	return func() {
		v.Helper()
		_, err := v.pod.Exec(v.ctx, "", "cat", tools+"/begun")
		must(v, err)
	}
}

// lost cuts the network while the freeze is under way, so that nobody knows what became of it.
func (s *scene) lost() {
	v := s.volume("lost")
	begun := v.slow()
	ended := make(chan error, 1)
	go func() {
		thaw, err := v.hook(time.Hour)(s.ctx, namespace, v.name)
		if err == nil {
			err = thaw(s.ctx)
			s.Errorf("it was frozen: %v", err)
		}
		ended <- err
	}()
	begun()
	s.wire.cut()
	if err := <-ended; err == nil || errors.Is(err, quiesce.ErrMayBeFrozen) {
		s.Errorf("got %v, want an error, and that it is thawed", err)
	}
	v.free()
}

// Variables of a process that freezes, and waits to be killed: the kubeconfig, and the mount point, which the pod is named in.
const freezerVariable, podVariable, dirVariable = "CLUSTERSNAP_TEST_FREEZER", "CLUSTERSNAP_TEST_POD", "CLUSTERSNAP_TEST_DIR"

func freezeAndWait() error {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv(freezerVariable))
	if err != nil {
		return err
	}
	cluster, err := volsnap.NewCluster(config)
	if err != nil {
		return err
	}
	hook := quiesce.FSFreeze(cluster, at(os.Getenv(dirVariable)), quiesce.FreezeOptions{Longest: 2 * time.Second})
	if _, err := hook(context.Background(), namespace, os.Getenv(podVariable)); err != nil {
		return err
	}
	fmt.Println("frozen")
	select {}
}

// killed has the process that has frozen killed: the switch thaws.
func (s *scene) killed() {
	v := s.volume("killed")
	printed, kill := v.freezer()
	if lines := bufio.NewScanner(printed); !lines.Scan() || lines.Text() != "frozen" {
		s.Fatalf("the process printed %q: %v", lines.Text(), lines.Err())
	}
	if len(v.switches()) != 1 {
		s.Errorf("switches %v, want one", v.switches())
	}
	kill()
	v.free()
}

// late has the process killed while the freeze is under way, and the freeze last until after the switch.
func (s *scene) late() {
	v := s.volume("late")
	begun := v.slow()
	_, kill := v.freezer()
	begun()
	kill()
	v.free()
}

// freezer starts a process that freezes the volume for two seconds at most, says so, and waits to be killed.
func (v *volume) freezer() (printed io.Reader, kill func()) {
	v.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), freezerVariable+"="+v.bed.Node.Kubeconfig(), podVariable+"="+v.name, dirVariable+"="+v.path)
	cmd.Stderr = os.Stderr
	printed, err := cmd.StdoutPipe()
	must(v, err)
	wait, err := v.bed.Node.Start(cmd)
	must(v, err)
	return printed, func() {
		must(v, cmd.Process.Kill())
		_ = wait()
	}
}
