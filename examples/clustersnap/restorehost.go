package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

const restoreHostHelp = `Restore a control-plane node on other hardware: an empty machine with the name
and the address that are given here. Without --yes nothing is done, and the plan
is printed.

The machine needs the container runtime, the images or a registry, and kubelet
and kubeadm of the cluster's version; kubeadm init must not have run there.
Certificates are issued anew by the backup's CAs, the manifests are rewritten,
the configuration is the one that the cluster has stored. What mentions the old
machine and is not understood is told: look at it before --yes. A failure before
kube-apiserver starts leaves the machine empty again.

The old machine must never run again as it was. What the new Node needs, and
what is to become of the old one, are commands that are printed; --finish runs
them: roles, taints and labels, the old Node deleted, the kubelet's certificate.
Its pods then start anew, which takes up to a minute. The same command can be
given again, and does what is left. Commands for other nodes, to be run there,
are printed after those; those of stage fence are for before.

What lies on the disks of the old machine alone does not come back: volumes,
which are listed, and images. If the cluster's endpoint is a name, that has to
lead to the new machine before --yes.`

// hostRestore is what the command line says.
type hostRestore struct {
	restoreFlags
	hostFlags
	finish bool
}

func restoreHostCommand() *cobra.Command {
	var h hostRestore
	cmd := &cobra.Command{
		Use:   "host FILE --identity FILE --name NAME --address IP",
		Short: "Restore on an empty machine of another name or address",
		Long:  restoreHostHelp,
		Example: `  clustersnap restore host cp1.clustersnap --identity key.txt \
    --name cp2 --address 10.0.0.12
  clustersnap restore host cp1.clustersnap --identity key.txt \
    --name cp2 --address 10.0.0.12 --yes --finish`,
	}
	h.moves(cmd, &h)
	h.restoreFlags.flags(cmd)
	h.as.flag(cmd)
	settleFlag(cmd, &h.settle, 2*time.Minute)
	cmd.Flags().BoolVar(&h.finish, "finish", false, "then run the commands that are left on this machine")
	return cmd
}

func (h *hostRestore) check() error {
	if h.finish && (h.root != "/" || !h.yes) {
		return errors.New("--finish runs kubeadm and kubectl: it needs --yes, on the machine itself")
	}
	return h.onlyPlanned(h.yes)
}

func (h *hostRestore) run(ctx context.Context, out steps, from *moving) error {
	m, err := h.prepare(ctx, h.as.beside(out), from)
	if err != nil {
		return err
	}
	defer m.bundle.Clear()
	if h.as.machine() {
		return m.show(h.as, out.out)
	}
	m.tell(ctx, out)
	done := m.done
	if done == nil {
		if !h.yes || len(m.plan.Refused) > 0 {
			m.tellSteps(out)
			return printPlan(out, m.plan)
		}
		if done, err = h.restore(ctx, out, from.set, m); err != nil {
			return err
		}
	}
	out.line("good", "the control plane runs on this machine")
	m.tellSteps(out) // before they run: whoever is killed meanwhile has them
	if h.finish {
		if err := runSteps(ctx, out, m.left.Steps); err != nil {
			return fmt.Errorf("the control plane runs, and its end is to be done by hand, or by the same command again: %w", err)
		}
	}
	h.after(ctx, out, done)
	return nil
}
