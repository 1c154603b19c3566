package restore

import (
	"errors"
	"fmt"
	"runtime"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// guard runs code of etcd's, which ends the process when its disk is full: a commit that fails is logged as
// fatal, which is os.Exit (server/storage/backend/batch_tx.go). Here that becomes an error, of whatever
// goroutine it is, and so does a panic of run's own goroutine. What the code has left running then is
// abandoned, with its files.
func guard(run func(*zap.Logger) error) error {
	ended, fatal := make(chan error, 1), make(chan error, 1)
	lg := zap.NewNop().WithOptions(zap.WithFatalHook(fatalHook{fatal}))
	go func() {
		err := errors.New("etcd's code ended its goroutine")
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("etcd's code gave up: %v", r)
			}
			ended <- err
		}()
		err = run(lg)
	}()
	select {
	case err := <-fatal:
		return err
	case err := <-ended:
		select { // which is why it ended
		case err = <-fatal:
		default:
		}
		return err
	}
}

// fatalHook stands where os.Exit would, in any goroutine.
type fatalHook struct{ first chan<- error }

func (h fatalHook) OnWrite(e *zapcore.CheckedEntry, fields []zapcore.Field) {
	err := fmt.Errorf("etcd's code gave up: %s", e.Message)
	for _, f := range fields {
		if cause, ok := f.Interface.(error); ok {
			err = fmt.Errorf("etcd's code gave up: %s: %w", e.Message, cause)
		}
	}
	select {
	case h.first <- err:
	default: // not the first
	}
	runtime.Goexit()
}
