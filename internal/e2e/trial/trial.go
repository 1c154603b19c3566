// Package trial ends tests that can't go on: at an error, and where what must come does not. A package of tests names what
// it needs in one line:
//
//	var must, stuck = trial.Must, trial.Context
package trial

import (
	"context"
	"testing"
	"time"
)

// Must ends the test if err is not nil.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// limit is for what is stuck. It says nothing of how long something takes, on however slow a machine.
const limit = 5 * time.Minute

// Context is one for what must come. It ends with the test, or where that is stuck.
func Context(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}
