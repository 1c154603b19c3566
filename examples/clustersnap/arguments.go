package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// asUsed holds that a command is given the arguments that its usage names, and says which one is missing or too many: cobra
// itself would count them.
func asUsed(cmd *cobra.Command, args []string) error {
	verb, usage := strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" "), strings.TrimSuffix(cmd.UseLine(), " [flags]")
	if next := argument(cmd.Use, len(args)); next != "" && next[0] != '[' {
		return fmt.Errorf("%s: %s is missing: %s", verb, next, usage)
	}
	for i, arg := range args {
		if argument(cmd.Use, i) == "" {
			return fmt.Errorf("%s: there is no place for %q: %s", verb, arg, usage)
		}
	}
	return nil
}

// argument is the one at a place as a usage has it, in brackets if it may be left out, and empty if there is none. The last one
// may be repeated.
func argument(use string, at int) string {
	names := strings.Fields(use)[1:]
	if i := slices.IndexFunc(names, func(n string) bool { return strings.HasPrefix(n, "-") }); i >= 0 {
		names = names[:i]
	}
	if last := len(names) - 1; at > last && last >= 0 && strings.HasSuffix(names[last], "...]") {
		at = last
	}
	if at >= len(names) {
		return ""
	}
	return names[at]
}
