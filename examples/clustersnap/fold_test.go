package main

import (
	"strings"
	"testing"
)

func TestFolded(t *testing.T) {
	const line = "etcd      25 MiB of etcd 3.7.3 at revision 50, 3000 keys, tree sound, digest right (0.1 s)"
	const thrice = "etcd      25 MiB of etcd 3.7.3 at revision 50,\n" +
		"          3000 keys, tree sound, digest right\n          (0.1 s)"
	for name, c := range map[string]struct {
		line    string
		columns int
		want    string
	}{
		"no terminal":                        {line, 0, line},
		"a wide one":                         {line, len(line), line},
		"one column short":                   {line, len(line) - 1, strings.Replace(line, "right (", "right\n          (", 1)},
		"where a word ends":                  {line, len("etcd      25 MiB of etcd 3.7.3 at revision 50,"), thrice},
		"a number stays with what it counts": {line, len("etcd      25 MiB of etcd 3.7.3 at revision 50, 3000"), thrice},
		"several lines": {"a         " + strings.Repeat("word ", 20) + "end", 42, "a         " +
			strings.Repeat("word ", 5) + "word\n          " + strings.Repeat("word ", 5) + "word\n          " +
			strings.Repeat("word ", 5) + "word\n          word word end"},
		"a word that is too long": {"a         b " + strings.Repeat("x", 60) + " end", 42,
			"a         b\n          " + strings.Repeat("x", 60) + "\n          end"},
		"nothing to break at": {"a         " + strings.Repeat("x", 60), 42, "a         " + strings.Repeat("x", 60)},
	} {
		if got := folded(c.line, 10, c.columns); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}
