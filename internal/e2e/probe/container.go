package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const socket = "/run/probe.sock"

// container starts a containerd, gives it an image and has it run that. The image is made here, since the machine may
// have no registry to pull from.
func container(ctx context.Context, dir string) error {
	if err := startContainerd(ctx, dir); err != nil {
		return err
	}
	archive := filepath.Join(dir, "image.tar")
	if err := writeImage(archive); err != nil {
		return fmt.Errorf("write image: %w", err)
	}
	if _, err := command(ctx, "ctr", "--address", socket, "images", "import", archive); err != nil {
		return err
	}
	out, err := command(ctx, "ctr", "--address", socket, "run", "--rm", "--snapshotter", "overlayfs",
		"--cgroup", "/"+cgroup(dir), imageName, "probe")
	if err == nil && strings.TrimSpace(out) != greeting {
		err = fmt.Errorf("the container printed %q, want %q", out, greeting)
	}
	return err
}

// cgroup is the container's control group, in a name of this run alone.
func cgroup(dir string) string { return filepath.Base(dir) }

// startContainerd starts a containerd and waits until it listens. It ends with the process namespace. Its files are all
// below dir or the private /run, and the plugin that serves kubelets is left out.
func startContainerd(ctx context.Context, dir string) error {
	config := fmt.Sprintf(`version = 2
root = %q
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = %q
`, filepath.Join(dir, "containerd"), socket)
	file := filepath.Join(dir, "containerd.toml")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return err
	}
	var log bytes.Buffer
	daemon := exec.CommandContext(ctx, "containerd", "--config", file)
	daemon.Stdout, daemon.Stderr = &log, &log
	if err := daemon.Start(); err != nil {
		return fmt.Errorf("start containerd: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- daemon.Wait() }()
	for {
		if c, err := net.Dial("unix", socket); err == nil {
			return c.Close()
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case err := <-ended: // ctx ends it too
			return fmt.Errorf("containerd ended (%v): %s", err, end(log.String()))
		}
	}
}
