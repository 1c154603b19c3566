package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/manifests"
)

const getHelp = `get prints one object of SOURCE, as YAML in canonical form: of an etcd snapshot,
a backup, a directory that "manifests dump" has written, none of which needs a
cluster, or "live". With --revision it is the object as it was then:
"clustersnap history" says which revisions a snapshot has.

KIND is what kubectl takes: deployment, deployments, deploy, deployments.apps.
Without -n the object is found in whatever namespace has it, if only one has.

An object of a snapshot is at the version that etcd keeps it in. Secrets are
printed with --show-secrets only: what is printed is kept in scrollbacks and
logs. Those that are encrypted at rest need --encryption-config, unless SOURCE
is a backup, which has it. A backup is a FILE or a URL, and wants --identity.`

func getCommand() *cobra.Command {
	var s sourceFlags
	var namespace string
	var faithful, show bool
	var as output
	cmd := &cobra.Command{
		Use:   "get SOURCE KIND/NAME",
		Short: "Print one object of a snapshot, a backup, a tree or a cluster",
		Long:  getHelp,
		Example: `  clustersnap get etcd.snap deployment/web -n shop
  clustersnap get etcd.snap deployment/web -n shop --revision 81726
  clustersnap get cp1.clustersnap --identity key.txt node/cp1
  clustersnap get backup configmap/settings -n shop
  clustersnap get live configmap/settings -n shop`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			w, err := parseWanted(args[1], namespace)
			if err != nil {
				return err
			}
			text, err := getObject(cmd.Context(), s, args[0], w, manifests.Options{Level: levelOf(faithful)}, show)
			if err != nil {
				return fmt.Errorf("get %s: %w", args[0], err)
			}
			return as.object(os.Stdout, text)
		},
	}
	s.flags(cmd)
	s.liveFlag(cmd)
	as.flagOf(cmd, "yaml", "json")
	f := cmd.Flags()
	f.StringVarP(&namespace, "namespace", "n", "", "its `NAMESPACE`")
	f.BoolVar(&faithful, "faithful", false, "keep what binds the object to its cluster")
	f.BoolVar(&show, "show-secrets", false, "print the values of a Secret")
	return cmd
}

func levelOf(faithful bool) manifests.Level {
	if faithful {
		return manifests.Faithful
	}
	return manifests.Portable
}

func getObject(ctx context.Context, s sourceFlags, name string, w wanted, opts manifests.Options, show bool) ([]byte, error) {
	from, err := s.open(ctx, name, opts)
	if err != nil {
		return nil, err
	}
	defer from.close()
	e, err := from.one(ctx, w)
	if err != nil {
		return nil, err
	}
	if e.Group == "" && e.Resource == "secrets" && !show {
		return nil, fmt.Errorf("%s has values that are secret: give --show-secrets to print them", e.Key)
	}
	return from.Object(ctx, e)
}
