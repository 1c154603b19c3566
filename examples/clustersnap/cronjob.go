package main

import (
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"

	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/job"
)

// schedule is what a backup in the cluster is to be.
type schedule struct {
	root, at, image, url, secret string
	once                         bool
	opts                         job.Options
}

func cronjobCommand() *cobra.Command {
	var s schedule
	var keys, keyFiles []string
	cmd := &cobra.Command{
		Use:   "cronjob --schedule CRON --image IMAGE --host-path DIR",
		Short: "Print a CronJob that backs up nodes such as this one",
		Long: `Print the YAML of a CronJob that runs "clustersnap backup" in the cluster, and
of its namespace. It mounts, read-only, the files that this node's manifests
name, and no others; it runs on any control-plane node that has them, or on the
one of --node, and asks the API server with the node's own admin.conf: it is
given no token. examples/cronjob has one with an account of its own.

The backups go to a directory of the node that it runs on, to a claim, or to the
folder of a store: see "clustersnap list --help" for URLs.

Nothing is written and nobody is asked: hand it to kubectl apply -f -.`,
		Example: `  clustersnap cronjob --schedule '17 * * * *' --host-path /var/backups/etcd \
    --image registry.example.org/clustersnap:v1 \
    --recipients-file recipient.txt
  clustersnap cronjob --job --name backup-now --host-path /var/backups/etcd \
    --image registry.example.org/clustersnap:v1 \
    --recipients-file recipient.txt
  clustersnap cronjob --schedule '17 3 * * *' --secret s3-credential \
    --to 's3://bucket/sets/?region=eu-central-1' \
    --image registry.example.org/clustersnap:v1 \
    --recipients-file recipient.txt`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.check(); err != nil {
				return usageError{fmt.Errorf("cronjob: %w", err)}
			}
			recipients, err := parseRecipients(keys, keyFiles)
			if err != nil {
				return err
			}
			if err := s.print(cmd.OutOrStdout(), recipients); err != nil {
				return fmt.Errorf("cronjob: %w", err)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.root, "root", "/", "where the node's root is, a `DIR`")
	f.StringVar(&s.at, "schedule", "", "when to run, in cron's five fields: a `CRON`")
	f.BoolVar(&s.once, "job", false, "print a Job, which runs once, and no CronJob")
	f.StringVar(&s.image, "image", "", "the `IMAGE` that has clustersnap in its PATH")
	f.StringVar(&s.opts.HostPath, "host-path", "", "a `DIR` of the node for the backups, which is made")
	f.StringVar(&s.opts.Claim, "claim", "", "or the `NAME` of a PersistentVolumeClaim")
	f.StringVar(&s.url, "to", "", "or the `URL` of a folder of a store")
	f.StringVar(&s.secret, "secret", "", "for s3, a `SECRET` with AWS_ACCESS_KEY_ID and\nAWS_SECRET_ACCESS_KEY")
	f.StringVar(&s.opts.Name, "name", "clustersnap", "the `NAME` of the object")
	f.StringVar(&s.opts.Namespace, "namespace", "clustersnap", "its `NAMESPACE`")
	f.StringVar(&s.opts.Node, "node", "", "the one `NODE` to run on, by its hostname label")
	f.StringArrayVar(&keys, "recipient", nil, "a public `KEY` of who may open it (repeatable)")
	f.StringArrayVar(&keyFiles, "recipients-file", nil, "a `FILE` of such keys, one a line (repeatable)")
	return cmd
}

// print writes the objects, with what the node warns of as comments.
func (s schedule) print(out io.Writer, recipients []age.Recipient) error {
	node, err := kubeadm.Read(kubeadm.NodeFS(s.root), kubeadm.Options{})
	if err != nil {
		return err
	}
	container := job.Container{Image: s.image, Mounts: job.NodeFiles, Command: s.command(node.Etcd.External, recipients)}
	if s.secret != "" {
		s.opts.Env = []corev1.EnvVar{secretEnv(s.secret, "AWS_ACCESS_KEY_ID"), secretEnv(s.secret, "AWS_SECRET_ACCESS_KEY")}
	}
	var run any
	if s.once {
		run, err = job.Job(node, container, s.opts)
	} else {
		run, err = job.CronJob(node, s.at, container, s.opts)
	}
	if err != nil {
		return err
	}
	text, err := job.YAML(job.Namespace(s.opts.Namespace), run)
	if err != nil {
		return err
	}
	for _, warning := range node.Warnings {
		if _, err := fmt.Fprintf(out, "# note: %s\n", oneLine(warning)); err != nil {
			return err
		}
	}
	_, err = out.Write(text)
	return err
}

// command is what runs in the container. A $ of a URL is doubled, as Kubernetes takes $(NAME) for a variable.
func (s schedule) command(external bool, recipients []age.Recipient) []string {
	to := "file://" + job.Destination + "/" // a store in itself, for list and prune
	if s.url != "" {
		to = strings.ReplaceAll(s.url, "$", "$$")
	}
	command := []string{"clustersnap", "backup", "--root", job.Root, "--to", to}
	if external {
		command = append(command, "--node", "$(NODE_NAME)") // etcd's name is not on the node
	}
	for _, r := range recipients {
		command = append(command, "--recipient", fmt.Sprint(r)) // both kinds that age parses say their public key
	}
	return command
}

func secretEnv(secret, key string) corev1.EnvVar {
	return corev1.EnvVar{Name: key, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: key,
	}}}
}
