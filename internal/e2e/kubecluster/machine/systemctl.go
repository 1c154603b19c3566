package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
)

// socket is where the first process is told what systemctl is told.
const socket = "/run/machine.sock"

// systemctl hands its arguments to the first process and does as that answers: an exit code in the first byte, a text
// after it. It knows as much of the real one as kubeadm and people who restore a node use.
func systemctl(args []string) int {
	c, err := net.Dial("unix", socket)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer c.Close()
	fmt.Fprintln(c, strings.Join(args, " "))
	answer, err := io.ReadAll(c)
	if err != nil || len(answer) == 0 {
		fmt.Fprintln(os.Stderr, "no answer", err)
		return 1
	}
	fmt.Print(string(answer[1:]))
	return int(answer[0])
}

// serve answers systemctl.
func (u *units) serve() error {
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				line, err := bufio.NewReader(c).ReadString('\n')
				if err != nil {
					return
				}
				code, text := u.answer(strings.Fields(line))
				c.Write(append([]byte{byte(code)}, text...))
			}()
		}
	}()
	return nil
}

// answer carries a command out, such as "restart kubelet". Exit codes are systemctl's: 3 is not active, 4 is no such unit.
func (u *units) answer(args []string) (code int, text string) {
	var words []string
	for _, a := range args {
		if !strings.HasPrefix(a, "-") {
			words = append(words, a)
		}
	}
	if len(words) == 1 && words[0] == "daemon-reload" {
		return 0, ""
	}
	if len(words) != 2 {
		return 1, "one command for one unit\n"
	}
	name := strings.TrimSuffix(words[1], ".service")
	one := u.all[name]
	if words[0] == "show" { // of all properties, LoadState
		if one == nil {
			return 0, "not-found\n"
		}
		return 0, "loaded\n"
	}
	if one == nil {
		return 4, fmt.Sprintf("Unit %s.service could not be found.\n", name)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.do(words[0], one)
}

// do carries a command for one unit out. The lock is held.
func (u *units) do(verb string, one *unit) (code int, text string) {
	switch verb {
	case "start":
		one.wanted = true
	case "stop":
		u.stop(one)
	case "restart":
		u.stop(one)
		one.wanted = true
	case "enable", "disable": // both are started at boot
	case "is-enabled":
		return 0, "enabled\n"
	case "is-active", "status":
		if one.pid == 0 {
			return 3, "inactive\n"
		}
		return 0, "active\n"
	default:
		return 1, fmt.Sprintf("Unknown command verb %s.\n", verb)
	}
	u.changed.Broadcast()
	return 0, ""
}
