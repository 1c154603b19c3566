package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// fitUsage has cobra's usage fit a terminal of 80 columns, wherever what is said of a flag was broken in two.
func fitUsage(root *cobra.Command) {
	root.SetUsageTemplate(strings.NewReplacer(
		".FlagUsages ", ".FlagUsagesWrapped 80 ",
		" for more information about a command.", " for more about it.",
	).Replace(root.UsageTemplate()))
	joinUsages(root)
}

func joinUsages(cmd *cobra.Command) {
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { f.Usage = strings.ReplaceAll(f.Usage, "\n", " ") })
	for _, sub := range cmd.Commands() {
		joinUsages(sub)
	}
}
