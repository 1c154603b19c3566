package diff

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
)

// numbers gives 0 to n-1, and counts them.
func numbers(n int, given *int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if *given++; !yield(i) {
				return
			}
		}
	}
}

func TestInOrder(t *testing.T) {
	const limit = 3
	var got []int
	var taken atomic.Int32
	given := 0
	work := func(_ context.Context, i int) int {
		if before := int(taken.Load()); before < i-limit+1 {
			t.Errorf("work on %d began when %d results were taken", i, before)
		}
		return 10 * i
	}
	for result := range inOrder(t.Context(), limit, numbers(20, &given), work) {
		taken.Add(1)
		got = append(got, result)
	}
	if len(got) != 20 || !slices.IsSorted(got) || got[19] != 190 {
		t.Errorf("the results are %v", got)
	}
}

// Whoever stops early waits for no result, and leaves no work behind.
func TestInOrderStopped(t *testing.T) {
	var atWork atomic.Int32
	given := 0
	work := func(ctx context.Context, i int) int {
		atWork.Add(1)
		defer atWork.Add(-1)
		if i > 0 {
			<-ctx.Done()
		}
		return i
	}
	for range inOrder(t.Context(), 4, numbers(20, &given), work) {
		break
	}
	if n := atWork.Load(); n != 0 || given > 5 {
		t.Errorf("%d are still at work, %d values were taken", n, given)
	}
	ctx, cancel := context.WithCancel(t.Context())
	for i := range inOrder(ctx, 4, numbers(20, &given), func(context.Context, int) int { cancel(); return 0 }) {
		t.Errorf("the result %d came after the end", i)
	}
}
