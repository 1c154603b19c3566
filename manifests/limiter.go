package manifests

import (
	"context"
	"sync"
	"time"
)

// limiter spaces requests evenly. A nil one does not.
type limiter struct {
	every time.Duration

	mu   sync.Mutex
	next time.Time
}

// newLimiter lets rate requests a second pass, or any number if rate is 0.
func newLimiter(rate float64) *limiter {
	if rate <= 0 {
		return nil
	}
	return &limiter{every: time.Duration(float64(time.Second) / rate)}
}

func (l *limiter) wait(ctx context.Context) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	now := time.Now()
	if l.next.Before(now) {
		l.next = now
	}
	wait := l.next.Sub(now)
	l.next = l.next.Add(l.every)
	l.mu.Unlock()
	return pause(ctx, wait)
}
