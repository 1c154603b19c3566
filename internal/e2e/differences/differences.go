// Package differences holds what a comparison tells against what a test expects.
package differences

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/manifests/diff"
)

// Of gives all changes between two sides.
func Of(ctx context.Context, t testing.TB, a, b diff.Side, opts diff.Options) ([]*diff.Change, *diff.Summary) {
	t.Helper()
	var all []*diff.Change
	summary, err := diff.Compare(ctx, a, b, func(c *diff.Change) error {
		all = append(all, c)
		return nil
	}, opts)
	if err != nil {
		t.Fatal(err)
	}
	return all, summary
}

// Lines say what has changed: a key, or a key and the path of a field.
func Lines(changes []*diff.Change) []string {
	var lines []string
	for _, c := range changes {
		line := c.Key.String() + " " + string(c.What)
		if c.Why != "" {
			line += ": " + c.Why
		}
		if len(c.Fields) == 0 {
			lines = append(lines, line)
		}
		for _, f := range c.Fields {
			lines = append(lines, line+" "+f.Path+" "+string(f.What))
		}
	}
	return lines
}

// Want fails the test unless the changes have these lines.
func Want(t testing.TB, changes []*diff.Change, want ...string) {
	t.Helper()
	if got := Lines(changes); !slices.Equal(got, want) {
		t.Errorf("the changes are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
