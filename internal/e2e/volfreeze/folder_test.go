package volfreeze

import (
	"os"
	"path/filepath"
	"time"

	"github.com/clustersnap/clustersnap/volsnap/quiesce"
)

// folder has mount points that are no whole file system, or one that the node uses as well: nothing is frozen.
func (s *scene) folder() {
	v := s.volume("folder")
	must(s, os.Mkdir(filepath.Join(v.dir, "sub"), 0o755))
	must(s, os.WriteFile(filepath.Join(v.dir, "hosts"), nil, 0o644))
	hook := quiesce.FSFreeze(s.cluster, at(v.path), quiesce.FreezeOptions{Longest: time.Hour})
	refused := func(want string) {
		s.Helper()
		if thaw, err := hook(s.ctx, namespace, v.name); thaw != nil || !holds(err, want) {
			if thaw != nil {
				_ = thaw(s.ctx)
			}
			s.Errorf("got %v, want %q", err, want)
		}
		v.free()
	}
	run := func(command ...string) {
		s.Helper()
		_, err := v.pod.Exec(s.ctx, "", command...)
		must(s, err)
	}
	run("mount", "--bind", v.path+"/hosts", "/etc/hosts")
	refused("the node has its own files on")
	run("umount", "/etc/hosts")
	run("mount", "--bind", v.path+"/sub", v.path)
	refused("no mount of a whole file system")
	run("umount", v.path)
	thaw, err := hook(s.ctx, namespace, v.name)
	must(s, err)
	must(s, thaw(s.ctx))
	v.free()
}
