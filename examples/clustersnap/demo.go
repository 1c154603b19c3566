package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/examples/demonode"
)

func demoCommand() *cobra.Command {
	var objects int
	var serve string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Back up, destroy and restore an etcd, with no cluster",
		Long: `Back up, destroy and restore an etcd with nothing installed and no cluster.

In a temporary directory a control-plane node is made as kubeadm leaves it, with
a real etcd behind real TLS and real Kubernetes objects in it. Then the code of
"clustersnap backup", "verify" and "etcd restore" runs on it, and what comes
back is held against what was there, key by key. Nothing listens but on
loopback, and nothing stays.

With --serve the node stays up instead, for you to try "backup --root DIR" and
"verify" on, until you interrupt it. Its files stay.`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if objects < 1 {
				return usageError{errors.New("--objects must be 1 or more")}
			}
			out := steps{cmd.OutOrStdout()}
			if serve != "" {
				return serveNode(cmd.Context(), out, serve, objects)
			}
			dir, err := os.MkdirTemp("", "clustersnap-demo-")
			if err != nil {
				return fmt.Errorf("demo: %w", err)
			}
			if err := errors.Join(demo(cmd.Context(), out, dir, objects), os.RemoveAll(dir)); err != nil {
				return fmt.Errorf("demo: %w", err)
			}
			out.line("good", "what was backed up came back, and nothing else")
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&objects, "objects", 3000, "how many Kubernetes objects, a `NUMBER`")
	f.StringVar(&serve, "serve", "", "make the node in this empty `DIR` and keep it up")
	return cmd
}

func serveNode(ctx context.Context, out steps, dir string, objects int) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	var node *demonode.Node
	err := out.do("node", func(progress) (_ string, err error) {
		node, err = demonode.Start(ctx, dir, objects)
		return fmt.Sprintf("%d objects in an etcd behind TLS, up until interrupted", objects), err
	})
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	out.copied("next", fmt.Sprintf("clustersnap backup --etcd-only --root %s --to FILE --recipient age1...", node.Root))
	<-ctx.Done()
	return node.Close()
}

// demo is the life of a cluster in a directory: built, backed up, destroyed, restored.
func demo(ctx context.Context, out steps, dir string, objects int) error {
	root, set := filepath.Join(dir, "node"), filepath.Join(dir, "node.clustersnap")
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		return err
	}
	identities := []age.Identity{identity}
	if err := os.Mkdir(root, 0o700); err != nil {
		return err
	}
	var node *demonode.Node
	err = out.do("node", func(progress) (string, error) {
		node, err = demonode.Start(ctx, root, objects)
		return fmt.Sprintf("a kubeadm-shaped node, %d objects in an etcd behind TLS", objects), err
	})
	if err != nil {
		return err
	}
	defer func() { node.Close() }()
	before, err := dump(ctx, node)
	if err != nil {
		return err
	}
	run := backing{
		backupFlags: backupFlags{root: root, to: place{to: set}, etcdOnly: true, scratch: dir},
		out:         out, now: time.Now(), recipients: []age.Recipient{identity.Recipient()},
	}
	if err := run.backup(ctx); err != nil {
		return err
	}
	if err := verify(ctx, out, set, identities); err != nil {
		return err
	}
	from := setFlags{scratch: dir, read: identities}
	if _, err := from.boot(ctx, out, set, restore.ProveOptions{}); err != nil {
		return err
	}
	if err := node.PutConfigMap(ctx, "default", "after-the-backup", map[string]string{"must": "be gone"}); err != nil {
		return err
	}
	dataDir := filepath.Join(root, run.node.Etcd.DataDir.Value)
	if err := errors.Join(node.Close(), os.RemoveAll(dataDir)); err != nil {
		return err
	}
	out.line("destroy", "one more object written, then etcd stopped and its data removed")
	r := etcdRestore{member: restore.Member{DataDir: dataDir}}
	if err := r.backup(ctx, out, set, identities, time.Now()); err != nil {
		return err
	}
	err = out.do("boot", func(progress) (string, error) {
		return "etcd started with its manifest's flags and certificates", node.Restart(ctx)
	})
	if err != nil {
		return err
	}
	if err := comparePKI(ctx, out, set, root, identities); err != nil {
		return err
	}
	return compare(ctx, out, node, before)
}
