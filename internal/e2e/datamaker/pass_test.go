package datamaker

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
)

func TestParallelGivesEachNumberOnce(t *testing.T) {
	for _, to := range []int{10, 11, 12, 13, 100} {
		var mu sync.Mutex
		var got []int
		err := parallel(t.Context(), 3, 5, 10, to, func(_ context.Context, from, to int) error {
			mu.Lock()
			defer mu.Unlock()
			for i := from; i < to; i++ {
				got = append(got, i)
			}
			return nil
		})
		slices.Sort(got)
		var want []int
		for i := 10; i < to; i++ {
			want = append(want, i)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("10 to %d: %v (%v)", to, got, err)
		}
	}
}

func TestParallelEndsWithTheFirstError(t *testing.T) {
	bad := errors.New("bad")
	err := parallel(t.Context(), 3, 1, 0, 1<<40, func(ctx context.Context, from, _ int) error {
		switch {
		case from == 100:
			return bad
		case from > 100: // sees that the others are told
			<-ctx.Done()
			return context.Cause(ctx)
		}
		return nil
	})
	if err != bad {
		t.Errorf("the error is %v, want the one of piece 100", err)
	}
}
