package quiesce

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// trace is what hooks did, in order.
type trace struct{ did []string }

// hook is a hook that leaves its name, and fails if that says so.
func (tr *trace) hook(name string) Hook {
	return func(context.Context, string, string) (func(context.Context) error, error) {
		tr.did = append(tr.did, name)
		switch {
		case strings.HasPrefix(name, "bad"):
			return nil, errors.New(name + " did not freeze")
		case strings.HasPrefix(name, "none"):
			return nil, nil
		}
		return func(context.Context) error {
			tr.did = append(tr.did, "thaw "+name)
			if strings.HasPrefix(name, "stuck") {
				return errors.New(name + " did not thaw")
			}
			return nil
		}, nil
	}
}

func TestAll(t *testing.T) {
	for name, test := range map[string]struct {
		hooks  []string
		did    []string
		errors []string
	}{
		"none":     {hooks: nil},
		"nothing":  {hooks: []string{"none"}, did: []string{"none"}},
		"in order": {hooks: []string{"a", "none", "b"}, did: []string{"a", "none", "b", "thaw b", "thaw a"}},
		"one fails": {
			hooks: []string{"a", "b", "bad", "c"}, did: []string{"a", "b", "bad", "thaw b", "thaw a"},
			errors: []string{"bad did not freeze"},
		},
		"a stuck thaw": {
			hooks: []string{"a", "stuck"}, did: []string{"a", "stuck", "thaw stuck", "thaw a"},
			errors: []string{"stuck did not thaw"},
		},
		"both": {
			hooks: []string{"a", "stuck", "bad"}, did: []string{"a", "stuck", "bad", "thaw stuck", "thaw a"},
			errors: []string{"bad did not freeze", "stuck did not thaw"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var tr trace
			var hooks []Hook
			for _, h := range test.hooks {
				hooks = append(hooks, tr.hook(h))
			}
			thaw, err := All(hooks...)(t.Context(), "ns", "pod")
			if thaw != nil {
				if err != nil {
					t.Errorf("a thaw beside the error %v", err)
				}
				err = errors.Join(thaw(t.Context()), thaw(t.Context())) // the second one does nothing
			}
			if !slices.Equal(tr.did, test.did) {
				t.Errorf("did %q, want %q", tr.did, test.did)
			}
			for _, want := range test.errors {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
			if len(test.errors) == 0 && err != nil {
				t.Error(err)
			}
		})
	}
}

// TestAllPanics has a hook and a thaw that panic: the others are thawed all the same, and the panic goes on.
func TestAllPanics(t *testing.T) {
	bug := func(context.Context, string, string) (func(context.Context) error, error) { panic("hook") }
	late := func(context.Context, string, string) (func(context.Context) error, error) {
		return once(func(context.Context) error { panic("thaw") }), nil
	}
	for want, hook := range map[string]Hook{"hook": bug, "thaw": late} {
		tr := trace{}
		var again func(context.Context) error
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("the panic is %v, want %s", got, want)
				}
			}()
			thaw, err := All(tr.hook("a"), tr.hook("b"), hook)(t.Context(), "ns", "pod")
			if again = thaw; err != nil {
				t.Error(err)
			}
			_ = thaw(t.Context())
		}()
		if did := []string{"a", "b", "thaw b", "thaw a"}; !slices.Equal(tr.did, did) {
			t.Errorf("%s: did %q, want %q", want, tr.did, did)
		}
		if again != nil && again(t.Context()) == nil {
			t.Errorf("%s: a second thaw says that all is well", want)
		}
	}
}

// TestBeginThaws has whatever can happen to a freeze: each time it is thawed once, by a context that has not ended.
func TestBeginThaws(t *testing.T) {
	for name, freeze := range map[string]func(context.Context) error{
		"good":  func(context.Context) error { return nil },
		"bad":   func(context.Context) error { return errors.New("bad") },
		"ended": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"panic": func(context.Context) error { panic("of the caller") },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			thawed := 0
			thawOnce := func(ctx context.Context) error {
				thawed++
				deadline, ok := ctx.Deadline()
				if ctx.Err() != nil || !ok || time.Until(deadline) > time.Hour {
					t.Errorf("thawed by a context that has ended (%v) or never ends", ctx.Err())
				}
				return nil
			}
			func() {
				defer func() {
					if (recover() != nil) != (name == "panic") {
						t.Error("a panic was swallowed, or made")
					}
				}()
				thaw, err := begin(ctx, time.Hour, freeze, thawOnce)
				if (err == nil) != (thaw != nil) || (err == nil) != (name == "good") {
					t.Errorf("got a thaw: %v, and the error %v", thaw != nil, err)
				}
				if thaw != nil {
					if thawed != 0 {
						t.Error("thawed before it was asked for")
					}
					if err := errors.Join(thaw(ctx), thaw(ctx)); err != nil {
						t.Error(err)
					}
				}
			}()
			if thawed != 1 {
				t.Errorf("thawed %d times, want once", thawed)
			}
		})
	}
}

func TestFreezeOptions(t *testing.T) {
	for longest, want := range map[time.Duration]time.Duration{
		0: 90 * time.Second, time.Second: time.Second, 90*time.Second + 1: 90 * time.Second, time.Hour: time.Hour,
		-1: 0, 999 * time.Millisecond: 0, time.Hour + 1: 0,
	} {
		got, err := FreezeOptions{Longest: longest}.longest()
		if got != want || (err != nil) != (want == 0) {
			t.Errorf("of %v: got %v and %v, want %v", longest, got, err, want)
		}
	}
}
