package sidebyside

import (
	"fmt"
	"slices"
	"time"
)

// series is what the runs of one side took.
type series struct {
	name  string
	costs []cost
	size  int64 // in bytes, of what a run makes
}

// wall is the median time of a run.
func (s series) wall() time.Duration {
	times := make([]float64, len(s.costs))
	for i, c := range s.costs {
		times[i] = float64(c.Wall)
	}
	return time.Duration(median(times))
}

// peak is the most memory that a run had, in bytes.
func (s series) peak() int64 {
	var most int64
	for _, c := range s.costs {
		most = max(most, c.Peak)
	}
	return most
}

// ratio is the median of the pairs' ratios: less than 1 where ours is faster.
func ratio(peer, ours series) float64 {
	ratios := make([]float64, len(ours.costs))
	for i := range ratios {
		ratios[i] = float64(ours.costs[i].Wall) / float64(peer.costs[i].Wall)
	}
	return median(ratios)
}

func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

func mebi(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// table is Markdown.
func table(title string, peer, ours series) string {
	row := func(s series) string {
		wall := s.wall().Seconds()
		return fmt.Sprintf("| %s | %.3f s | %.0f | %.0f MiB |\n", s.name, wall, mebi(s.size)/wall, mebi(s.peak()))
	}
	return fmt.Sprintf("| %s | median | MiB/s | peak RSS |\n| --- | --- | --- | --- |\n", title) +
		row(peer) + row(ours) +
		fmt.Sprintf("| ours / peer, %d pairs | %.2f | | %.2f |\n",
			len(ours.costs), ratio(peer, ours), float64(ours.peak())/float64(peer.peak()))
}
