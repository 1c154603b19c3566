package sidebyside

import (
	"fmt"
	"sync"
	"testing"
)

// MinPairs is how often both sides run at least, after one pair that warms up and does not count.
const MinPairs = 5

// Compare runs peer and ours in turn, and prints and reports what they took. Outside the time that is measured it
// calls check after every run, which looks at what the side has made, removes it, and gives its size in bytes. An error
// ends the benchmark.
func Compare(b *testing.B, peer, ours Side, check func() (size int64, err error)) {
	b.Helper()
	p, o := pairs(b, peer, ours, check)
	fmt.Printf("\n%s\n", table(b.Name(), p, o))
	b.ReportMetric(0, "ns/op") // of a pair, which says nothing
	b.ReportMetric(p.wall().Seconds(), "peer-s")
	b.ReportMetric(o.wall().Seconds(), "ours-s")
	b.ReportMetric(ratio(p, o), "ours/peer")
	b.ReportMetric(mebi(p.peak()), "peer-MiB")
	b.ReportMetric(mebi(o.peak()), "ours-MiB")
}

// pairs runs both sides in turn and gives what they took, without the first pair.
func pairs(b *testing.B, peer, ours Side, check func() (int64, error)) (p, o series) {
	b.Helper()
	p.name, o.name = peer.name, ours.name
	with := tools{b.TempDir(), sync.OnceValue(func() string { return buildPeak(b) })}
	pair := func() {
		p.add(b, with, peer, check)
		o.add(b, with, ours, check)
	}
	pair()
	p.costs, o.costs = nil, nil
	for b.Loop() {
		pair()
	}
	for len(p.costs) < MinPairs {
		pair()
	}
	return p, o
}

// add runs the side once more.
func (s *series) add(b *testing.B, with tools, side Side, check func() (int64, error)) {
	b.Helper()
	c, err := side.run(with)
	if err != nil {
		b.Fatalf("run %s: %v", side.name, err)
	}
	if s.size, err = check(); err != nil {
		b.Fatalf("check what %s has made: %v", side.name, err)
	}
	s.costs = append(s.costs, c)
}
