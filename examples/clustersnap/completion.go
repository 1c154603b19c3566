package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/apply"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

// words are what flags take that take no other.
var words = map[string][]string{
	"accept": reasons,
	"by":     {"resource", "namespace", "object"},
	"hooks":  {"none", "velero"},
	"policy": {
		string(apply.SkipExisting), string(apply.FailExisting), string(apply.UpdateExisting), string(apply.ForceExisting),
		string(apply.ReplaceExisting),
	},
	"secrets": {"exclude", "include", "redact", "encrypt"},
	"sort":    {"live", "stored", "revisions", "keys"},
	"volumes": {"all"},
}

// complete has a shell complete what can be known, of a command and those below it. What a flag or an argument is stands in
// the help already: a FILE, a DIR, and what is neither has no files to be offered.
func complete(cmd *cobra.Command) {
	if cmd.RunE != nil && cmd.ValidArgsFunction == nil {
		cmd.ValidArgsFunction = completeArgument
	}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if offer := offered(f); offer != nil {
			_ = cmd.RegisterFlagCompletionFunc(f.Name, offer) // fails for one that has it: nobody else registers any
		}
	})
	for _, sub := range cmd.Commands() {
		complete(sub)
	}
}

// offered is nil for a flag whose values are files.
func offered(f *pflag.Flag) cobra.CompletionFunc {
	if as, ok := f.Value.(*output); ok {
		return cobra.FixedCompletions(as.forms, cobra.ShellCompDirectiveNoFileComp)
	}
	if _, ok := f.Value.(*classList); ok { // other classes are names of the cluster
		return cobra.FixedCompletions(classNames(), cobra.ShellCompDirectiveNoFileComp)
	}
	if list := words[f.Name]; list != nil {
		return cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)
	}
	switch name, _ := pflag.UnquoteUsage(f); name {
	case "FILE", "PROGRAM", "SOCKET":
		return nil
	case "DIR":
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	}
	return cobra.NoFileCompletions
}

// completeArgument goes by the name that the argument has in the usage.
func completeArgument(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	switch strings.Trim(argument(cmd.Use, len(args)), "[.]") {
	case "FILE", "FILE|URL", "URL", "SOURCE", "SNAPSHOT", "A", "B":
		return nil, cobra.ShellCompDirectiveDefault
	case "DIR":
		return nil, cobra.ShellCompDirectiveFilterDirs
	case "KIND":
		return kindNames(cmd.Context(), args[0]), cobra.ShellCompDirectiveNoFileComp
	case "KIND/NAME":
		if !strings.Contains(begun, "/") {
			kinds := kindNames(cmd.Context(), args[0])
			for i := range kinds {
				kinds[i] += "/"
			}
			return kinds, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		}
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// kindNames are those of a source, or those that Kubernetes has where it can't be read at once, as one that is encrypted.
func kindNames(ctx context.Context, source string) (names []string) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	s := sourceFlags{prefix: storage.DefaultPrefix}
	if from, err := s.open(ctx, source, manifests.Options{}); err == nil {
		defer from.close()
		if _, err := from.entries(ctx); err == nil {
			for n := range from.kinds() {
				names = append(names, n.String())
			}
		}
	}
	if names == nil {
		for _, plural := range shortNames {
			names = append(names, plural)
		}
		names = append(names, "jobs", "roles", "rolebindings", "clusterroles", "clusterrolebindings", "secrets")
	}
	slices.Sort(names)
	return slices.Compact(names)
}
