package diff

import (
	"context"
	"iter"
)

// inOrder calls work for up to limit values at once, and gives the results in the order of the values. It ends early when
// ctx is done. No call of work goes on after it has ended.
func inOrder[In, Out any](
	ctx context.Context, limit int, values iter.Seq[In], work func(context.Context, In) Out,
) iter.Seq[Out] {
	return func(yield func(Out) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var waiting []chan Out // of those that are at work, the oldest first
		defer func() {
			cancel()
			for _, result := range waiting {
				<-result
			}
		}()
		next := func() bool {
			result := <-waiting[0]
			waiting = waiting[1:]
			return ctx.Err() == nil && yield(result)
		}
		for value := range values {
			if len(waiting) == limit && !next() {
				return
			}
			result := make(chan Out, 1)
			waiting = append(waiting, result)
			go func() { result <- work(ctx, value) }()
		}
		for len(waiting) > 0 && next() {
		}
	}
}
