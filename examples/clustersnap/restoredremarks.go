package main

import (
	"fmt"

	"github.com/clustersnap/clustersnap/etcdsnap/restore"
)

// remarks say what the new directory has no more, and where the old one is.
func (r etcdRestore) remarks(out steps, result *restore.Result) {
	for _, m := range result.Members {
		for _, dir := range []string{m.Aside, m.WALAside} {
			if dir != "" {
				out.line("aside", dir)
			}
		}
		if m.Unread != "" {
			out.line("note", fmt.Sprintf("of the old member only revision %d could be read, so that no more is known of it: %s",
				m.OldRevision, m.Unread))
		}
	}
	if r.initialCluster != "" && r.opts.ClusterToken == "" {
		out.line("others", fmt.Sprintf("restore them with --cluster-token %s --revision %d", result.ClusterToken, result.Revision))
	}
	for _, alarm := range result.Alarms {
		out.line("note", fmt.Sprintf("the alarm %s of member %s is left behind", alarm.Kind, alarm.MemberID))
	}
	if result.Downgrade != "" {
		out.line("note", "a downgrade to "+result.Downgrade+" was under way, and is left behind")
	}
	if result.Upgrade != "" {
		out.line("note", "this upgrades etcd from "+result.Upgrade)
	}
	if r.opts.WatchesMissEvents {
		out.line("note", "the revision is not raised: restart everything that watches, or it keeps stale objects")
	}
}
