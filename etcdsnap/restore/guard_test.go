package restore

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/zap"
)

func TestGuard(t *testing.T) {
	own := errors.New("own")
	for name, c := range map[string]struct {
		run  func(*zap.Logger) error
		is   error
		says string
	}{
		"none":  {run: func(*zap.Logger) error { return nil }},
		"error": {run: func(*zap.Logger) error { return own }, is: own, says: "own"},
		"panic": {run: func(*zap.Logger) error { panic("no room") }, says: "no room"},
		"fatal": {
			run:  func(lg *zap.Logger) error { lg.Fatal("commit", zap.Error(syscall.ENOSPC)); return nil },
			is:   syscall.ENOSPC,
			says: "commit",
		},
		"fatal elsewhere": {
			run: func(lg *zap.Logger) error {
				go lg.Fatal("commit", zap.Error(syscall.ENOSPC))
				select {} // as if on a lock that the other goroutine held
			},
			is:   syscall.ENOSPC,
			says: "commit",
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := guard(c.run)
			if c.says == "" {
				if err != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.says) || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("got %v, want one that says %q and is %v", err, c.says, c.is)
			}
		})
	}
}
