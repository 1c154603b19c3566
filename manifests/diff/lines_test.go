package diff

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// patch applies hunks, and fails if they don't fit.
func patch(a []string, hunks string) ([]string, error) {
	var b []string
	at := 0
	for line := range strings.Lines(hunks) {
		line = strings.TrimSuffix(line, "\n")
		if line[0] == '@' {
			start, count, startB, countB := 0, 1, 0, 1
			ranges := strings.Fields(line)
			fmt.Sscanf(strings.Replace(ranges[1], ",", " ", 1), "-%d %d", &start, &count)
			fmt.Sscanf(strings.Replace(ranges[2], ",", " ", 1), "+%d %d", &startB, &countB)
			if count > 0 {
				start--
			}
			if start < at || start > len(a) {
				return nil, fmt.Errorf("%s: line %d is before %d, or after the end", line, start, at)
			}
			b = append(b, a[at:start]...)
			at = start
			if countB > 0 {
				startB--
			}
			if startB != len(b) {
				return nil, fmt.Errorf("%s: it is at line %d", line, len(b))
			}
			continue
		}
		if line[0] != '+' {
			if at >= len(a) || a[at] != line[1:] {
				return nil, fmt.Errorf("%q is not line %d", line, at)
			}
			at++
		}
		if line[0] != '-' {
			b = append(b, line[1:])
		}
	}
	return append(b, a[at:]...), nil
}

func TestHunksArePatches(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func(kinds int) []string {
		lines := make([]string, random.IntN(60))
		for i := range lines {
			lines[i] = fmt.Sprint(random.IntN(kinds))
		}
		return lines
	}
	for range 3000 {
		kinds := 1 + random.IntN(100)
		a, b := text(kinds), text(kinds)
		if random.IntN(2) == 0 { // some edits of one text
			b = slices.Clone(a)
			for range random.IntN(4) {
				at := random.IntN(len(b) + 1)
				b = slices.Delete(b, at, min(len(b), at+random.IntN(3)))
				b = slices.Insert(b, min(at, len(b)), "new")
			}
		}
		var out bytes.Buffer
		writeHunks(&out, a, b)
		got, err := patch(a, out.String())
		if err != nil || !slices.Equal(got, b) {
			t.Fatalf("%q to %q: %v, the hunks give %q:\n%s", a, b, err, got, out.String())
		}
		if slices.Equal(a, b) != (out.Len() == 0) {
			t.Fatalf("%q to %q: the hunks are\n%s", a, b, out.String())
		}
	}
}

// Lines that stay are not shown as changed, with little around.
func TestHunks(t *testing.T) {
	number := func(from, to int) (lines []string) {
		for i := from; i <= to; i++ {
			lines = append(lines, fmt.Sprint(i))
		}
		return lines
	}
	for _, c := range []struct {
		name string
		a, b []string
		want string
	}{
		{"one line", number(1, 20), slices.Replace(number(1, 20), 9, 10, "x"),
			"@@ -7,7 +7,7 @@\n 7\n 8\n 9\n-10\n+x\n 11\n 12\n 13\n"},
		{"near", number(1, 10), slices.Replace(slices.Replace(number(1, 10), 8, 9, "y"), 1, 2, "x"),
			"@@ -1,10 +1,10 @@\n 1\n-2\n+x\n 3\n 4\n 5\n 6\n 7\n 8\n-9\n+y\n 10\n"},
		{"far", number(1, 11), slices.Replace(slices.Replace(number(1, 11), 9, 10, "y"), 1, 2, "x"),
			"@@ -1,5 +1,5 @@\n 1\n-2\n+x\n 3\n 4\n 5\n@@ -7,5 +7,5 @@\n 7\n 8\n 9\n-10\n+y\n 11\n"},
		{"from nothing", nil, number(1, 2), "@@ -0,0 +1,2 @@\n+1\n+2\n"},
		{"one to nothing", number(1, 1), nil, "@@ -1 +0,0 @@\n-1\n"},
		{"equal lines before", []string{"b", "b", "b"}, []string{"b", "b", "b", "c"}, "@@ -1,3 +1,4 @@\n b\n b\n b\n+c\n"},
		{"equal lines after", []string{"b", "b"}, []string{"c", "b", "b"}, "@@ -1,2 +1,3 @@\n+c\n b\n b\n"},
		{"a line that is there twice on one side", []string{"p", "u", "m", "v"}, []string{"q", "u", "m", "m", "v"},
			"@@ -1,4 +1,5 @@\n-p\n+q\n u\n m\n+m\n v\n"},
		{"moved", []string{"a", "1", "2", "3", "z"}, []string{"1", "2", "3", "a", "z"},
			"@@ -1,5 +1,5 @@\n-a\n 1\n 2\n 3\n+a\n z\n"},
	} {
		var out bytes.Buffer
		writeHunks(&out, c.a, c.b)
		if got := out.String(); got != c.want {
			t.Errorf("%s: the hunks are\n%swant\n%s", c.name, got, c.want)
		}
	}
}
