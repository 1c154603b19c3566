package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/kubeadm/rehost"
	"github.com/clustersnap/clustersnap/kubeadm/restore"
)

const restoreOthersHelp = `Print the commands for the nodes beside the restored one, in their order. They
come from the backup alone, so that this works while no cluster does, and on any
machine whose TMPDIR has room for the snapshot. Nothing is run.

Those of stage fence are for before "clustersnap restore": they stop the other
control planes, whose etcds have data of another past. Of a machine without
power, do them when it is back, before anything else. Those of stage join are
for after it: etcd takes the others in, one after the other, and each goes on.

A node that is not named is intact: it has its files, and needs no kubeadm join.
One that is empty does. One that is gone is taken out of the cluster.

Commands are for root, on the node that stands before them. Where one has
'<member-id>', '<token>' or '<certificate-key>', put in what the one before it
has printed.`

// otherNodes is what the command line says.
type otherNodes struct {
	identity    string
	empty, gone []string
	as          output
}

func restoreOthersCommand() *cobra.Command {
	var o otherNodes
	cmd := &cobra.Command{
		Use:   "others FILE --identity FILE",
		Short: "Print how the other nodes are fenced, and join again",
		Long:  restoreOthersHelp,
		Example: `  clustersnap restore others cp1.clustersnap --identity key.txt
  clustersnap restore others cp1.clustersnap --identity key.txt \
    --empty cp2 --gone cp3,worker7 -o json`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.identity == "" {
				return usageError{errors.New("restore others: give --identity FILE")}
			}
			identities, err := readIdentities(o.identity)
			if err != nil {
				return err
			}
			plan, err := o.plan(cmd.Context(), args[0], identities, time.Now())
			if err != nil {
				return fmt.Errorf("restore others: %w", err)
			}
			if o.as.machine() {
				return o.as.value(cmd.OutOrStdout(), plan)
			}
			o.print(steps{cmd.OutOrStdout()}, plan)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.identity, "identity", "", "the `FILE` with the secret key, or - for standard input")
	f.StringSliceVar(&o.empty, "empty", nil, "the `NODES` that have nothing of the cluster any more")
	f.StringSliceVar(&o.gone, "gone", nil, "the `NODES` that do not come back")
	o.as.flag(cmd)
	return cmd
}

// plan goes by what the snapshot has stored. The restored node is the one that was backed up.
func (o *otherNodes) plan(ctx context.Context, name string, identities []age.Identity, now time.Time) (*rehost.Plan, error) {
	set, f, err := openSet(ctx, name, identities)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	was, err := readNode(set)
	if err != nil {
		return nil, err
	}
	files, err := openPKI(set, identities)
	if err != nil {
		return nil, err
	}
	defer files.Clear()
	host, err := rehost.HostOf(podsOf(files))
	if err != nil {
		return nil, err
	}
	past, err := readPast(ctx, set, files, prefixOf(was), os.TempDir())
	if err != nil {
		return nil, err
	}
	var others []rehost.Other
	for state, names := range map[rehost.State][]string{rehost.Empty: o.empty, rehost.Gone: o.gone} {
		for _, node := range names {
			if !past.hasNode(node) {
				return nil, fmt.Errorf("the backup has no Node %s: leave it out, or correct the name", oneLine(node))
			}
			others = append(others, rehost.Other{Name: node, State: state})
		}
	}
	plan, err := rehost.Join(&past.Objects, host, host, others, nil, now)
	if err != nil {
		return nil, err
	}
	// No Secret was read, since a KMS may have encrypted them that is not there. The steps make new ones in any case.
	plan.Needs = slices.DeleteFunc(plan.Needs, func(n rehost.Need) bool { return n.Kind == "Secret" })
	return plan, nil
}

func (p *pastObjects) hasNode(name string) bool {
	for i := range p.Nodes {
		if p.Nodes[i].Name == name {
			return true
		}
	}
	return false
}

// print writes a comment and a command for each step.
func (o *otherNodes) print(out steps, plan *rehost.Plan) {
	for _, f := range plan.Findings {
		out.line("look", f.String())
	}
	for i, s := range plan.Steps {
		fmt.Fprintf(out.out, "\n# %d. %s, on %s: %s\n# %s\n", i+1, s.Stage, oneLine(s.Where), oneLine(s.Do), oneLine(s.Why))
		if s.Command != nil {
			fmt.Fprintln(out.out, oneLine(s.Shell()))
		}
	}
}

// tellOthers says that there are other members, where there are.
func tellOthers(out steps, plan *restore.Plan) {
	var names []string
	for _, m := range plan.Members {
		if m.Name != plan.Node.Etcd.Name.Value && !slices.Contains(names, m.Name) {
			names = append(names, m.Name)
		}
	}
	if len(names) > 0 {
		out.line("others", strings.Join(names, ", ")+
			`: they stop before this, and join again after it: "clustersnap restore others" prints how`)
	}
}
