package csibed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// Limits of the stand-in kubelet.
const (
	statusLimit = 10 * time.Second
	idleLimit   = 4 * time.Hour    // of a stream, as the kubelet's streamingConnectionIdleTimeout
	openLimit   = 30 * time.Second // for the streams of a call to be there
)

func address() string { return net.JoinHostPort(kubeletAddress, strconv.Itoa(kubeletPort)) }

// ServeHTTP answers what the API server asks of a kubelet for pods/exec: /exec/NAMESPACE/POD/CONTAINER.
func (k *kubelet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(path) != 4 || path[0] != "exec" {
		http.NotFound(w, r)
		return
	}
	options, err := remotecommand.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p := k.find(path[1], path[2])
	if p == nil {
		http.NotFound(w, r)
		return
	}
	remotecommand.ServeExec(w, r, p, path[2], string(p.pod.UID), path[3], r.URL.Query()["command"],
		options, idleLimit, openLimit, remotecommand.SupportedStreamingProtocols)
}

// find gives the pod of a name that has not ended.
func (k *kubelet) find(namespace, name string) *running {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.pods {
		if p.pod.Namespace == namespace && p.pod.Name == name && p.ctx.Err() == nil {
			return p
		}
	}
	return nil
}

// ExecInContainer runs a command in a container.
func (p *running) ExecInContainer(ctx context.Context, _, _, container string, command []string,
	in io.Reader, out, errs io.WriteCloser, tty bool, _ <-chan remotecommand.TerminalSize, _ time.Duration,
) error {
	if tty {
		return errors.New("the stand-in kubelet has no terminals")
	}
	select {
	case <-p.ready:
	default:
		return errors.New("the pod does not run")
	}
	box := p.boxes[container]
	if box == nil {
		return fmt.Errorf("no container %q", container)
	}
	if !box.has(command[0]) { // as containerd says it: there is no exit code
		return fmt.Errorf("failed to exec in container: OCI runtime exec failed: exec failed: unable to start container process: "+
			"exec: %q: executable file not found in $PATH: unknown", command[0])
	}
	// A nil stream in an interface is one to write to.
	var stdout, stderr io.Writer
	if out != nil {
		stdout = out
	}
	if errs != nil {
		stderr = errs
	}
	code, err := box.run(ctx, command, nil, in, stdout, stderr)
	if err == nil && code != 0 {
		err = utilexec.CodeExitError{Err: fmt.Errorf("exit code %d", code), Code: code}
	}
	return err
}
