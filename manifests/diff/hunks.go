package diff

import (
	"bytes"
	"fmt"
)

// edit is a run of lines of one text in the place of a run of the other.
type edit struct{ a, endA, b, endB int }

// writeHunks writes the differences of two texts, given as lines without their ends.
func writeHunks(out *bytes.Buffer, a, b []string) {
	for _, hunk := range hunks(edits(a, b)) {
		first, last := hunk[0], hunk[len(hunk)-1]
		startA, startB := max(0, first.a-contextLines), max(0, first.b-contextLines)
		endA, endB := min(len(a), last.endA+contextLines), min(len(b), last.endB+contextLines)
		fmt.Fprintf(out, "@@ -%s +%s @@\n", lineRange(startA, endA), lineRange(startB, endB))
		for _, e := range hunk {
			writeLines(out, ' ', a[startA:e.a])
			writeLines(out, '-', a[e.a:e.endA])
			writeLines(out, '+', b[e.b:e.endB])
			startA = e.endA
		}
		writeLines(out, ' ', a[startA:endA])
	}
}

// edits gives what is between the lines in common.
func edits(a, b []string) []edit {
	var list []edit
	nextA, nextB := 0, 0
	for _, s := range append(commonLines(a, b), span{len(a), len(b), 0}) {
		if s.a > nextA || s.b > nextB {
			list = append(list, edit{nextA, s.a, nextB, s.b})
		}
		nextA, nextB = s.a+s.n, s.b+s.n
	}
	return list
}

// hunks puts edits together whose lines around them meet.
func hunks(list []edit) [][]edit {
	var out [][]edit
	for i, e := range list {
		if i > 0 && e.a-list[i-1].endA <= 2*contextLines {
			out[len(out)-1] = append(out[len(out)-1], e)
			continue
		}
		out = append(out, []edit{e})
	}
	return out
}

// lineRange is a range as a hunk names it: an empty one by the line before it.
func lineRange(start, end int) string {
	switch end - start {
	case 0:
		return fmt.Sprintf("%d,0", start)
	case 1:
		return fmt.Sprint(start + 1)
	}
	return fmt.Sprintf("%d,%d", start+1, end-start)
}

func writeLines(out *bytes.Buffer, mark byte, lines []string) {
	for _, line := range lines {
		out.WriteByte(mark)
		out.WriteString(line)
		out.WriteByte('\n')
	}
}
