package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/clustersnap/clustersnap/etcdsnap"
)

func etcdCommand() *cobra.Command {
	return group("etcd", "Work with etcd snapshots, alone or in a backup",
		etcdSaveCommand(), etcdVerifyCommand(), etcdInfoCommand(), etcdTopCommand(), etcdRestoreCommand())
}

// describeSnapshot says in a line what was found in a snapshot.
func describeSnapshot(info etcdsnap.Info, of string) string {
	said := []string{strings.TrimSpace(mib(info.Size) + " of " + of)}
	if c := info.Content; c != nil {
		said[0] += fmt.Sprintf(" at revision %d", c.Revision)
		if c.Keyspace != nil {
			said = append(said, count(int(c.Keyspace.Keys), "key"))
		}
		said = append(said, "tree sound")
	} else {
		said = append(said, "too large for its tree to be walked on its way")
	}
	if info.SHA256 != "" {
		said = append(said, "digest right")
	}
	return strings.Join(said, ", ")
}
