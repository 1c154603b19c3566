package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"filippo.io/age"
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
	hostFlags
	root, cri string
	yes       bool
}

func restoreInitCommand() *cobra.Command {
	var r initRestore
	cmd := &cobra.Command{
		Use:   "init FILE --identity FILE --name NAME --address IP",
		Short: "Prepare an empty machine for kubeadm init over a backup's data",
		Long:  restoreInitHelp,
		Example: `  clustersnap restore init cp1.clustersnap --identity key.txt \
    --name cp2 --address 10.0.0.12 --yes`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			to, err := r.target()
			if err != nil {
				return err
			}
			identities, err := readIdentities(r.identity)
			if err != nil {
				return err
			}
			out := steps{cmd.OutOrStdout()}
			if err := r.run(cmd.Context(), out, args[0], identities, to, time.Now()); err != nil {
				return fmt.Errorf("restore init: %w", err)
			}
			return nil
		},
	}
	r.hostFlags.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&r.root, "root", "/", "the `DIR` where the machine's root is")
	f.StringVar(&r.cri, "cri", "", "the container runtime's `SOCKET` for kubeadm, like unix:///run/containerd/containerd.sock")
	f.BoolVar(&r.yes, "yes", false, "do it; without it only the commands are printed")
	return cmd
}

func (r *initRestore) run(
	ctx context.Context, out steps, name string, identities []age.Identity, to rehost.Host, now time.Time,
) error {
	set, f, err := openSet(ctx, name, identities)
	if err != nil {
		return err
	}
	defer f.Close()
	was, err := readNode(set)
	if err != nil {
		return err
	}
	if was.Etcd.External {
		return errors.New("etcd of this cluster runs elsewhere: restore it there")
	}
	old, err := openPKI(set, identities)
	if err != nil {
		return err
	}
	defer old.Clear()
	p := &initPlan{set: set, was: was, root: r.root, to: to}
	if err := p.make(ctx, old, rehost.InitOptions{CRISocket: r.cri}); err != nil {
		return err
	}
	p.tell(out)
	if r.yes {
		if err := p.prepare(ctx, out, old, now); err != nil {
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
