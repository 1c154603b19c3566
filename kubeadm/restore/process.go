package restore

import (
	"errors"
	"fmt"
)

// runningError says that a program runs, other than errors that say that this is not known.
type runningError struct{ what string }

func (e *runningError) Error() string { return e.what }

// noProcess is an error while a process of the program runs in the node's network, as static pods of the control plane do.
func (m *machine) noProcess(one pod) error {
	pids, err := processes(one.program)
	if err == nil && len(pids) > 0 {
		err = &runningError{fmt.Sprintf("process %d runs it", pids[0])}
	}
	return err
}

// seeing is an error where it could not be seen that kube-apiserver ends: neither by the runtime, nor by the node's processes.
func (m *machine) seeing(p *Plan) error {
	if m.host.Containers != nil || !p.has(apiServer) {
		return nil
	}
	if seesProcesses(m.at.root) {
		return otherNetwork(m.at.root, apiServer)
	}
	return errors.New("the node's processes are not seen from here, and kube-apiserver goes on for 30 s once its port is " +
		"closed: give the container runtime's socket, or run this in the node's process namespace (hostPID)")
}
