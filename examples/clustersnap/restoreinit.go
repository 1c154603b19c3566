package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/kubeadm/rehost"
)

const restoreInitHelp = `Prepare an empty machine for kubeadm init over the data of a backup, and print
the commands. Without --yes nothing is done, and they are printed.

This is the second choice, for who wants new manifests: "clustersnap restore
host" keeps the old ones, checks each step and takes a failure back. Here what
was changed in the manifests by hand is lost, kubeadm's own people do not test
it, and nothing is taken back.

The shared certificates come back, and the files that kube-apiserver's flags
name; etcd's data is made for a member of the new name and peer URL; and a
configuration is written in which kubeadm finds what the cluster has stored, so
that it overwrites nothing by its defaults. The commands leave CoreDNS and
kube-proxy alone. The old machine must never run again as it was.`

// initRestore is what the command line says.
type initRestore struct {
	restoreFlags
	hostFlags
}

func restoreInitCommand() *cobra.Command {
	var r initRestore
	cmd := &cobra.Command{
		Use:   "init FILE --identity FILE --name NAME --address IP",
		Short: "Prepare an empty machine for kubeadm init over a backup's data",
		Long:  restoreInitHelp,
		Example: `  clustersnap restore init cp1.clustersnap --identity key.txt \
    --name cp2 --address 10.0.0.12 --yes`,
	}
	r.moves(cmd, &r)
	r.rootFlag(cmd)
	r.as.flag(cmd)
	cmd.Flags().StringVar(&r.cri, "cri", "",
		"the container runtime's `SOCKET` for kubeadm, like unix:///run/containerd/containerd.sock")
	return cmd
}

func (r *initRestore) check() error { return r.onlyPlanned(r.yes) }

func (r *initRestore) run(ctx context.Context, out steps, from *moving) error {
	p := &initPlan{set: from.set, was: from.was, root: r.root, to: from.to}
	if err := p.make(ctx, from.old, rehost.InitOptions{CRISocket: r.cri}); err != nil {
		return err
	}
	if r.as.machine() {
		return p.show(r.as, out.out)
	}
	p.tell(out)
	if r.yes {
		if err := p.prepare(ctx, out, from.old, from.now); err != nil {
			return err
		}
	}
	for _, s := range p.left.Steps {
		if s.Command != nil {
			out.copied("then", s.Do+": "+s.Shell())
		}
	}
	if r.yes {
		out.line("good", "the machine is prepared: kubeadm is next")
	} else {
		out.line("good", "nothing was done: add --yes")
	}
	return nil
}
