package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/rehost"
	"github.com/clustersnap/clustersnap/pkibundle"
)

// moving is a backup that goes to a machine of another name or address.
type moving struct {
	set *clustersnap.Set
	was *kubeadm.Node
	old *pkibundle.Bundle // the node's files
	to  rehost.Host
	now time.Time
}

// mover is what a command does with one. It begins with what is wrong with its own flags.
type mover interface {
	check() error
	run(ctx context.Context, out steps, m *moving) error
}

// moves has a command open the backup that it is given for the machine of its flags.
func (h *hostFlags) moves(cmd *cobra.Command, by mover) {
	h.flags(cmd)
	cmd.Args = asUsed
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		to, err := h.target()
		if err == nil {
			err = by.check()
		}
		if err != nil {
			return usageError{err}
		}
		identities, err := readIdentities(h.identity)
		if err != nil {
			return err
		}
		if err := move(cmd.Context(), steps{cmd.OutOrStdout()}, args[0], identities, to, by); err != nil {
			return fmt.Errorf("restore %s: %w", cmd.Name(), err)
		}
		return nil
	}
}

func move(ctx context.Context, out steps, name string, identities []age.Identity, to rehost.Host, by mover) error {
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
	return by.run(ctx, out, &moving{set: set, was: was, old: old, to: to, now: time.Now()})
}
