package restore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// processes are those of a program in the network of this process, which is the node's. Those of another process namespace are
// not seen.
func processes(program string) (pids []int, err error) {
	own, _, err := everyProcess(program)
	return own, err
}

// everyProcess are those of a program, in the network of this process and in others.
func everyProcess(program string) (own, others []int, err error) {
	network, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return nil, nil, err
	}
	all, err := os.ReadDir("/proc")
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range all {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		of, err := networkOf(pid, program)
		switch {
		case err != nil:
			return nil, nil, err
		case of == network:
			own = append(own, pid)
		case of != "":
			others = append(others, pid)
		}
	}
	return own, others, nil
}

// networkOf is that of a process of a program, empty if it is of another one, or has just ended.
func networkOf(pid int, program string) (string, error) {
	dir := fmt.Sprintf("/proc/%d", pid)
	line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil {
		return "", unlessGone(err)
	}
	command, _, _ := bytes.Cut(line, []byte{0})
	if filepath.Base(string(command)) != program {
		return "", nil
	}
	network, err := os.Readlink(filepath.Join(dir, "ns/net"))
	return network, unlessGone(err)
}

// otherNetwork is an error if the node's program runs in another network than this process, as of a pod without the node's.
func otherNetwork(root, program string) error {
	if !firstIsOf(root) { // all of the machine's are seen, and they may be of others
		return nil
	}
	own, others, err := everyProcess(program)
	if err == nil && len(own) == 0 && len(others) > 0 {
		err = fmt.Errorf("%s runs as process %d in another network than this command: run it in the node's network (hostNetwork)",
			program, others[0])
	}
	return err
}

func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// firstNamespace is the process namespace of the machine, from where all processes are seen (PROC_PID_INIT_INO of
// include/uapi/linux/nsfs.h and include/linux/proc_ns.h in Linux).
const firstNamespace = "pid:[4026531836]"

// seesProcesses reports whether the processes of the node are seen here: all of the machine are, or the first is the node's.
func seesProcesses(root string) bool {
	own, err := os.Readlink("/proc/self/ns/pid")
	return err == nil && own == firstNamespace || firstIsOf(root)
}

// firstIsOf reports whether the first process that is seen here has the node's root.
func firstIsOf(root string) bool {
	first, err := os.Stat("/proc/1/root/")
	if err != nil {
		return false
	}
	own, err := os.Stat(root)
	return err == nil && os.SameFile(first, own)
}
