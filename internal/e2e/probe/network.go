package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// links join two network namespaces, a and b, by a bridge. The addresses are seen in these alone.
const links = `
netns add a
netns add b
link add bridge type bridge
link set bridge up
link add to-a type veth peer name eth0 netns a
link add to-b type veth peer name eth0 netns b
link set to-a master bridge up
link set to-b master bridge up
-n a addr add 10.77.0.11/24 dev eth0
-n b addr add 10.77.0.12/24 dev eth0
-n a link set eth0 up
-n b link set eth0 up
`

// packetFilter does what kube-proxy does for a Service, and the pod network for what leaves it.
func packetFilter(ctx context.Context, _ string) error {
	for _, rule := range []string{
		"PREROUTING -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -m statistic --mode random --probability 0.5 -j DNAT --to-destination 10.77.0.11:6443",
		"POSTROUTING -m comment --comment pods -j MASQUERADE",
	} {
		if _, err := command(ctx, "iptables", append([]string{"-t", "nat", "-A"}, strings.Fields(rule)...)...); err != nil {
			return err
		}
	}
	return nil
}

// network sends a text from one namespace to the other.
func network(ctx context.Context, _ string) error {
	for line := range strings.Lines(strings.TrimSpace(links)) {
		if _, err := command(ctx, "ip", strings.Fields(line)...); err != nil {
			return err
		}
	}
	var listener net.Listener
	if err := within("a", func() (err error) {
		listener, err = net.Listen("tcp", "10.77.0.11:7")
		return err
	}); err != nil {
		return err
	}
	defer listener.Close()
	go func() {
		if c, err := listener.Accept(); err == nil {
			io.WriteString(c, greeting)
			c.Close()
		}
	}()
	var client net.Conn
	if err := within("b", func() (err error) {
		client, err = new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
		return err
	}); err != nil {
		return err
	}
	defer client.Close()
	got, err := io.ReadAll(client)
	if err == nil && string(got) != greeting {
		err = fmt.Errorf("over the bridge came %q, want %q", got, greeting)
	}
	return err
}

// within calls do on a thread in a network namespace. The thread is used for nothing else after that.
func within(namespace string, do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		done <- func() error {
			f, err := os.Open("/run/netns/" + namespace)
			if err != nil {
				return err
			}
			defer f.Close()
			if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("enter network namespace: %w", err)
			}
			return do()
		}()
	}()
	return <-done
}
