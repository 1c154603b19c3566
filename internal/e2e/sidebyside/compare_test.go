package sidebyside

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSidesRunInTurn(t *testing.T) {
	var order strings.Builder
	// side takes 1 ns for its first run, 2 ns for its second.
	side := func(letter string) Side {
		wall := time.Duration(0)
		return Side{letter, func(tools) (cost, error) {
			order.WriteString(letter)
			wall++
			return cost{Wall: wall}, nil
		}}
	}
	var p, o series
	checks := 0
	testing.Benchmark(func(b *testing.B) {
		order.Reset()
		checks = 0
		p, o = pairs(b, side("p"), side("o"), func() (int64, error) { checks++; return 7, nil })
	})
	n := order.Len() / 2
	if n < MinPairs+1 || order.String() != strings.Repeat("po", n) || checks != 2*n {
		t.Errorf("%d runs and %d checks, not in turn", order.Len(), checks)
	}
	for _, s := range []series{p, o} {
		if len(s.costs) != n-1 || s.costs[0].Wall != 2 || s.costs[n-2].Wall != time.Duration(n) || s.size != 7 {
			t.Errorf("of %d runs %d count, of size %d, from the one that took %v: want all but the first", n, len(s.costs), s.size, s.costs[0].Wall)
		}
	}
}

func TestMemoryOfACommandIsItsOwn(t *testing.T) {
	const mib = 1 << 20
	large := make([]byte, 256*mib) // of this process: not to be counted
	for i := range large {
		large[i] = 1
	}
	result := testing.Benchmark(func(b *testing.B) {
		Compare(b,
			Command("small", func() *exec.Cmd { return exec.Command("true") }),
			Command("64 MiB", func() *exec.Cmd { return exec.Command("dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1") }),
			func() (int64, error) { return mib, nil })
	})
	small, ours := result.Extra["peer-MiB"], result.Extra["ours-MiB"]
	if small == 0 || small > 16 || ours < 64 || ours > 64+16 {
		t.Errorf("the peaks are %.0f and %.0f MiB", small, ours)
	}
	if large[len(large)-1] != 1 {
		t.Error("the large block is gone")
	}
}

func TestFailureEndsTheBenchmark(t *testing.T) {
	good := Command("good", func() *exec.Cmd { return exec.Command("true") })
	fine := func() (int64, error) { return 1, nil }
	for name, compare := range map[string]func(b *testing.B){
		"peer": func(b *testing.B) {
			Compare(b, Command("bad", func() *exec.Cmd { return exec.Command("false") }), good, fine)
		},
		"ours": func(b *testing.B) {
			Compare(b, good, Command("bad", func() *exec.Cmd { return exec.Command("false") }), fine)
		},
		"missing": func(b *testing.B) {
			Compare(b, Command("bad", func() *exec.Cmd { return exec.Command("nosuchprogram") }), good, fine)
		},
		"check": func(b *testing.B) { Compare(b, good, good, func() (int64, error) { return 0, errors.New("bad") }) },
	} {
		ended := true
		testing.Benchmark(func(b *testing.B) {
			compare(b)
			ended = false
		})
		if !ended {
			t.Errorf("%s: the benchmark went on", name)
		}
	}
}

func TestTable(t *testing.T) {
	costs := func(peak int64, ms ...int) (c []cost) {
		for i, m := range ms {
			c = append(c, cost{time.Duration(m) * time.Millisecond, (peak - int64(i)) << 20})
		}
		return c
	}
	// The machine was slow at the end: the ratio of the medians is not that of most pairs.
	peer := series{"theirs", costs(40, 100, 100, 900, 1000), 50 << 20}
	ours := series{"mine", costs(20, 50, 200, 450, 500), 100 << 20}
	want := `| Job | median | MiB/s | peak RSS |
| --- | --- | --- | --- |
| theirs | 0.500 s | 100 | 40 MiB |
| mine | 0.325 s | 308 | 20 MiB |
| ours / peer, 4 pairs | 0.50 | | 0.50 |
`
	if got := table("Job", peer, ours); got != want {
		t.Errorf("the table is\n%swant\n%s", got, want)
	}
	for _, m := range []struct {
		of   []float64
		want float64
	}{{[]float64{3, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5}, {[]float64{7}, 7}} {
		if got := median(slices.Clone(m.of)); got != m.want {
			t.Errorf("median of %v is %v, want %v", m.of, got, m.want)
		}
	}
}
