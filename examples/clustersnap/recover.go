package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/apply"
)

const recoverHelp = `recover brings objects of SOURCE back to a live cluster: those that are named,
those of a namespace with the namespace itself, those with labels, or --all.

SOURCE is an etcd snapshot, a directory that "manifests dump" has written, or a
backup, a FILE or a URL with --identity.

Without --yes nothing is written: the server is asked about each object, and the
plan is printed. "blocked" says what keeps an object from coming back. With
--yes the plan is carried out. An object that somebody has changed in between is
left alone; nothing that was not selected is touched.

--policy is for objects that the cluster has already, with other content:
  skip     leave them as they are
  fail     write nothing at all
  update   set the saved fields, unless somebody else has set them otherwise
  force    set the saved fields, whoever has set them
  replace  make them what was saved, without what was added since

With -o json or yaml the plan is printed as it is, or after --yes what became of
each object.

Only what users have made comes back, unless --class or a name asks for more.
Status does not, nor do the contents of volumes. SOURCE has to be of the same
cluster, as far as its namespace kube-system tells, or --other-cluster says that
it need not be.`

// recovery is what of a source is brought back, and how.
type recovery struct {
	source  sourceFlags
	of      selection
	policy  string
	all     bool
	other   bool
	suspend bool
	yes     bool
	as      output
}

func recoverCommand() *cobra.Command {
	var r recovery
	cmd := &cobra.Command{
		Use:   "recover SOURCE [KIND/NAME...]",
		Short: "Bring objects of a snapshot, a backup or a tree back to a cluster",
		Long:  recoverHelp,
		Example: `  clustersnap recover etcd.snap -n shop
  clustersnap recover etcd.snap -n shop --yes
  clustersnap recover cp1.clustersnap --identity key.txt -n shop
  clustersnap recover etcd.snap configmap/settings -n shop --policy replace`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			chosen := len(r.of.namespaces) > 0 || r.of.selector != "" || r.all
			switch named := len(args) > 1; {
			case !named && !chosen:
				return usageError{errors.New("recover: say what: KIND/NAME, -n NAMESPACE, -l LABELS or --all")}
			case !slices.Contains(words["policy"], r.policy):
				const want = "recover: --policy is %q: want %s"
				return usageError{fmt.Errorf(want, r.policy, strings.Join(words["policy"], ", "))}
			case named && (r.of.selector != "" || r.all || len(r.of.namespaces) > 1):
				return usageError{errors.New("recover: objects that are named take one -n at most, and no -l or --all")}
			}
			if err := r.run(cmd.Context(), steps{os.Stdout}, args[0], args[1:]); err != nil {
				return fmt.Errorf("recover %s: %w", args[0], err)
			}
			return nil
		},
	}
	r.source.flags(cmd)
	r.of.choices(cmd)
	f := cmd.Flags()
	f.StringVar(&r.of.kubeconfig, "kubeconfig", "", "a `FILE`; if not given, as kubectl")
	f.StringVar(&r.policy, "policy", string(apply.SkipExisting), "`WHAT` to do if it is there")
	f.BoolVar(&r.all, "all", false, "everything that users have made")
	f.BoolVar(&r.other, "other-cluster", false, "SOURCE is of another cluster, and this one is meant")
	f.BoolVar(&r.suspend, "suspend", false, "bring Jobs and CronJobs back suspended")
	f.BoolVar(&r.yes, "yes", false, "write; without it only the plan is printed")
	r.as.flag(cmd)
	return cmd
}

func (r *recovery) run(ctx context.Context, out steps, name string, names []string) error {
	from, err := r.source.open(ctx, name, manifests.Options{LabelSelector: r.of.selector})
	if err != nil {
		return err
	}
	defer from.close()
	if err := r.sameCluster(ctx, out, from); err != nil {
		return err
	}
	opts := apply.Options{Policy: apply.Policy(r.policy), Suspend: r.suspend, Classes: r.of.options().Classes}
	var entries []manifests.Entry
	var lost error
	if len(names) > 0 {
		entries, opts.Classes, err = r.named(ctx, from, names)
	} else {
		entries, lost, err = r.chosen(ctx, from)
	}
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return errors.Join(errors.New("it has no object that is selected: clustersnap ls shows what it has"), lost)
	}
	if len(opts.Classes) == 0 {
		opts.Classes = []manifests.Class{manifests.User}
	}
	objects, unread := r.read(ctx, from, entries, opts.Classes)
	config, err := restConfig(r.of.kubeconfig)
	if err != nil {
		return err
	}
	cluster, err := apply.NewCluster(config)
	if err != nil {
		return err
	}
	plan, err := cluster.Plan(ctx, objects, opts)
	if err != nil {
		return err
	}
	return r.carryOut(ctx, out, plan, errors.Join(unread, lost))
}
