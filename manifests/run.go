package manifests

import (
	"container/heap"
	"context"
)

// run takes steps with each list until it has none to take again, several at once: always with those that have most to
// come. The first error ends all.
func (d *dump) run(
	ctx context.Context, lists []*listing, step func(context.Context, *listing) (again bool, err error),
) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type result struct {
		list  *listing
		again bool
		err   error
	}
	results := make(chan result)
	waiting := byLength(lists)
	heap.Init(&waiting)
	running := 0
	var failed error
	for {
		for failed == nil && running < d.opts.Lists && len(waiting) > 0 {
			l := heap.Pop(&waiting).(*listing)
			running++
			go func() {
				again, err := step(ctx, l)
				results <- result{l, again, err}
			}()
		}
		if running == 0 {
			return failed
		}
		r := <-results
		running--
		if r.err != nil && failed == nil {
			failed = r.err
			cancel(failed)
		}
		if r.again {
			heap.Push(&waiting, r.list)
		}
	}
}

// byLength is a heap with the longest list first.
type byLength []*listing

func (h byLength) Len() int           { return len(h) }
func (h byLength) Less(i, j int) bool { return h[i].left > h[j].left }
func (h byLength) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *byLength) Push(x any)        { *h = append(*h, x.(*listing)) }

func (h *byLength) Pop() any {
	last := len(*h) - 1
	l := (*h)[last]
	*h = (*h)[:last]
	return l
}
