package quiesce

import (
	"strings"
	"testing"
)

func TestBounded(t *testing.T) {
	for _, test := range []struct {
		writes []int
		kept   int
		cut    bool
	}{
		{nil, 0, false}, {[]int{5, 6}, 11, false}, {[]int{maxOutput}, maxOutput, false}, {[]int{maxOutput - 1, 2}, maxOutput, true},
		{[]int{maxOutput + 1}, maxOutput, true}, {[]int{maxOutput, 1, 1}, maxOutput, true},
	} {
		var b bounded
		for _, n := range test.writes {
			if got, err := b.Write([]byte(strings.Repeat("x", n))); got != n || err != nil {
				t.Fatalf("wrote %d of %d: %v", got, n, err)
			}
		}
		if len(b.text()) != test.kept || b.cut() != test.cut {
			t.Errorf("of %v: kept %d bytes, cut %v; want %d and %v", test.writes, len(b.text()), b.cut(), test.kept, test.cut)
		}
	}
}
