package main

import (
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// pause is between the end of a program and its next start, and between looks at what is waited for.
const pause = 200 * time.Millisecond

// unit is a program that is kept running.
type unit struct {
	command func() []string // empty while there is nothing to be run
	log     string
	wanted  bool
	pid     int // 0 when it does not run
}

// units are those of the node, by name.
type units struct {
	mu      sync.Mutex
	changed *sync.Cond
	all     map[string]*unit
}

func newUnits() *units {
	u := &units{all: map[string]*unit{
		"containerd": {command: containerd, log: "/var/log/containerd.log", wanted: true},
		"kubelet":    {command: kubelet, log: "/var/log/kubelet.log", wanted: true},
	}}
	u.changed = sync.NewCond(&u.mu)
	return u
}

func containerd() []string {
	return []string{"/usr/bin/containerd", "--config", "/etc/containerd/config.toml"}
}

// kubelet is the command of kubeadm's 10-kubeadm.conf, once kubeadm has been here.
func kubelet() []string {
	const config = "/var/lib/kubelet/config.yaml"
	if _, err := os.Stat(config); err != nil {
		return nil
	}
	command := []string{
		"/usr/local/bin/kubelet", "--config=" + config,
		"--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf", "--kubeconfig=/etc/kubernetes/kubelet.conf",
	}
	flags, err := os.ReadFile("/var/lib/kubelet/kubeadm-flags.env")
	if err != nil {
		return command
	}
	_, quoted, _ := strings.Cut(strings.TrimSpace(string(flags)), "=")
	return append(command, strings.Fields(strings.Trim(quoted, `"`))...)
}

// keep starts all units, and reaps what ends: this is the first process, to which orphans come.
func (u *units) keep() {
	for _, one := range u.all {
		go u.keepOne(one)
	}
	go func() {
		for {
			pid, err := syscall.Wait4(-1, nil, 0, nil)
			if errors.Is(err, syscall.ECHILD) {
				time.Sleep(pause)
				continue
			}
			u.mu.Lock() // a program that is being started is entered first
			for _, one := range u.all {
				if one.pid == pid {
					one.pid = 0
				}
			}
			u.changed.Broadcast()
			u.mu.Unlock()
		}
	}()
}

// keepOne runs a program again whenever it has ended, as long as it is wanted.
func (u *units) keepOne(one *unit) {
	for {
		u.mu.Lock()
		for !one.wanted || one.pid != 0 {
			u.changed.Wait()
		}
		one.start()
		u.mu.Unlock()
		time.Sleep(pause)
	}
}

// start starts the program, if there is something to be run. What goes wrong is in its log.
func (one *unit) start() {
	command := one.command()
	if len(command) == 0 {
		return
	}
	log, err := os.OpenFile(one.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return
	}
	defer log.Close()
	pid, err := syscall.ForkExec(command[0], command, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, log.Fd(), log.Fd()}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		log.WriteString("start: " + err.Error() + "\n")
		return
	}
	one.pid = pid
}

// stop ends the program and waits for that.
func (u *units) stop(one *unit) {
	one.wanted = false
	for one.pid != 0 {
		syscall.Kill(one.pid, syscall.SIGTERM)
		u.changed.Wait()
	}
}

// containerdAnswers waits until it listens. The test has a limit for it.
func containerdAnswers() error {
	for {
		if c, err := net.Dial("unix", "/run/containerd/containerd.sock"); err == nil {
			return c.Close()
		}
		time.Sleep(pause / 10)
	}
}
