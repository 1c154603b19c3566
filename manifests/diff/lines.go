package diff

import "slices"

// span is where two texts have the same lines: n of them, from line a of one and line b of the other.
type span struct{ a, b, n int }

// commonLines finds lines that two texts have in common, in the order of both. Lines that each has just once are the
// anchors: as many as stand in the same order on both sides, widened by the equal lines around them. So it takes n log n
// steps for any texts, and never matches the brackets of one block with those of another.
func commonLines(a, b []string) []span {
	var spans []span
	nextA, nextB := 0, 0
	take := func(endA, endB int) { // what the gap before an anchor, or before the end, begins with alike
		n := 0
		for nextA+n < endA && nextB+n < endB && a[nextA+n] == b[nextB+n] {
			n++
		}
		if n > 0 {
			spans = append(spans, span{nextA, nextB, n})
			nextA, nextB = nextA+n, nextB+n
		}
	}
	for _, at := range append(anchors(a, b), span{len(a), len(b), 0}) {
		if at.a < nextA || at.b < nextB {
			continue // a wider anchor took it in
		}
		take(at.a, at.b)
		s := span{at.a, at.b, at.n}
		for s.a > nextA && s.b > nextB && a[s.a-1] == b[s.b-1] {
			s = span{s.a - 1, s.b - 1, s.n + 1}
		}
		for s.a+s.n < len(a) && s.b+s.n < len(b) && a[s.a+s.n] == b[s.b+s.n] {
			s.n++
		}
		if s.n > 0 {
			spans = append(spans, s)
		}
		nextA, nextB = s.a+s.n, s.b+s.n
	}
	return joined(spans)
}

// joined makes one of spans that follow each other on both sides.
func joined(spans []span) []span {
	var out []span
	for _, s := range spans {
		if last := len(out) - 1; last >= 0 && out[last].a+out[last].n == s.a && out[last].b+out[last].n == s.b {
			out[last].n += s.n
			continue
		}
		out = append(out, s)
	}
	return out
}

// anchors gives the longest row of lines that are there once in both texts, in the same order on both sides.
func anchors(a, b []string) []span {
	inA, inB := once(a), once(b)
	var pairs []span // in the order of a
	for i, line := range a {
		if j, ok := inB[line]; ok && j >= 0 && inA[line] == i {
			pairs = append(pairs, span{i, j, 1})
		}
	}
	// ends[n] is the pair with the least b that ends an ascending row of n+1 pairs.
	var ends []int
	predecessor := make([]int, len(pairs))
	for i, p := range pairs {
		n, _ := slices.BinarySearchFunc(ends, p.b, func(end, b int) int { return pairs[end].b - b })
		if n == len(ends) {
			ends = append(ends, i)
		}
		ends[n] = i
		if n > 0 {
			predecessor[i] = ends[n-1]
		}
	}
	row := make([]span, len(ends))
	for n, i := len(ends)-1, 0; n >= 0; n-- {
		if i = predecessor[i]; n == len(ends)-1 {
			i = ends[n]
		}
		row[n] = pairs[i]
	}
	return row
}

// once gives the position of each line, -1 if it is there more than once.
func once(lines []string) map[string]int {
	at := make(map[string]int, len(lines))
	for i, line := range lines {
		if _, seen := at[line]; seen {
			i = -1
		}
		at[line] = i
	}
	return at
}
