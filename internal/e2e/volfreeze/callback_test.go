package volfreeze

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/clustersnap/clustersnap/volsnap/quiesce"
)

// callback has two functions in Go that run commands in the pod.
func (s *scene) callback() {
	s.pod("callback", nil)
	file := filepath.Join(s.TempDir(), "file")
	note := func(text string, fails error) func(context.Context, *quiesce.Pod) error {
		return func(ctx context.Context, pod *quiesce.Pod) error {
			_, err := pod.Exec(ctx, "other", "sh", "-c", `echo "$1" >>"$2"`, "sh", text, file)
			return errors.Join(err, fails)
		}
	}
	did := func(want string) {
		s.Helper()
		if got := strings.Join(strings.Fields(read(s, file)), " "); got != want {
			s.Errorf("it did %q, want %q", got, want)
		}
	}
	cancelled, cancel := context.WithCancel(s.ctx)
	cancel()

	thaw, err := quiesce.Func(s.cluster, time.Minute, note("lock", nil), note("unlock", nil))(s.ctx, namespace, "callback")
	must(s, err)
	did("lock")
	must(s, errors.Join(thaw(cancelled), thaw(s.ctx)))
	did("lock unlock")

	locked := errors.New("locked by somebody else")
	thaw, err = quiesce.Func(s.cluster, time.Minute, note("try", locked), note("undo", nil))(s.ctx, namespace, "callback")
	if thaw != nil || !errors.Is(err, locked) {
		s.Errorf("got %v, want %v", err, locked)
	}
	did("lock unlock try undo")

	for name, hook := range map[string]quiesce.Hook{
		"callback": quiesce.Func(s.cluster, 0, note("no time", nil), note("no time", nil)),
		"nobody":   quiesce.Func(s.cluster, time.Minute, note("nobody", nil), note("nobody", nil)),
	} {
		if thaw, err := hook(s.ctx, namespace, name); thaw != nil || err == nil {
			s.Errorf("pod %s: got the error %v", name, err)
		}
	}
	did("lock unlock try undo")
}
