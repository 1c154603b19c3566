package bed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// pollInterval is how often a runner reads the manifests. A kubelet is told by inotify, and reads every 20 s besides.
const pollInterval = 200 * time.Millisecond

// manifests is the folder of the static pods, in the root of a node.
const manifests = "etc/kubernetes/manifests"

// State is how far a pod is.
type State struct {
	PID    int   // of its process; 0 when none runs
	Starts int   // how many processes there have been, since the manifest appeared or changed
	Err    error // why the last process ended, or why there is none
}

// Runner does for the static pods of a node what its kubelet would: a program is started when its manifest appears in
// etc/kubernetes/manifests, stopped when it goes (SIGTERM, and SIGKILL after the pod's grace period, by default 30 s),
// stopped and started when it changes, and started again, each time a little later, when it ends by itself. A file
// whose name begins with a dot is none of them; a folder that is missing is an empty one. See pkg/kubelet/config/file.go
// of kubernetes/kubernetes.
//
// It knows the programs of a control plane, and has no probes: what hangs is not restarted.
type Runner struct {
	node     *Node
	programs map[string]string // executables by name

	loop   sync.WaitGroup
	ctx    context.Context // of the runner's life
	cancel context.CancelFunc

	mu      sync.Mutex
	workers map[string]*worker // by name of the pod
	refused map[string]error   // what can't be run, by name of the pod or else of the file
	changed chan struct{}      // closed at each change of what mu guards, and then replaced
}

func newRunner(n *Node, programs map[string]string) *Runner {
	r := &Runner{
		node: n, programs: programs,
		workers: make(map[string]*worker), changed: make(chan struct{}),
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// start begins to follow the manifests.
func (r *Runner) start() {
	r.loop.Go(func() {
		tick := time.NewTicker(pollInterval)
		defer tick.Stop()
		for r.ctx.Err() == nil {
			r.follow()
			select {
			case <-tick.C:
			case <-r.ctx.Done():
			}
		}
	})
}

// kill ends the runner and its processes, as a power cut would.
func (r *Runner) kill() {
	r.cancel()
	r.loop.Wait()
	r.mu.Lock()
	workers := maps.Clone(r.workers)
	r.mu.Unlock()
	for _, w := range workers {
		w.kill()
		<-w.done
	}
}

// follow starts and stops what the manifests ask for at this moment.
func (r *Runner) follow() {
	pods, refused := r.read()
	r.update(func() {
		r.refused = refused
		for name, w := range r.workers {
			if w.ended() {
				delete(r.workers, name)
			} else if p := pods[name]; p == nil || p.sum != w.pod.sum {
				w.stop()
			}
		}
		for name, p := range pods {
			if r.workers[name] == nil {
				r.workers[name] = r.newWorker(p)
			}
		}
	})
}

// update makes a change and tells those who wait.
func (r *Runner) update(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	close(r.changed)
	r.changed = make(chan struct{})
}

// read gives the pods that can be run, and what is wrong with the others. As with a kubelet, a pod whose manifest has
// become unreadable is not there any more.
func (r *Runner) read() (map[string]*pod, map[string]error) {
	pods, refused := make(map[string]*pod), make(map[string]error)
	dir := filepath.Join(r.node.Root, manifests)
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		refused[manifests] = err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || !e.Type().IsRegular() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if len(text) == 0 || errors.Is(err, fs.ErrNotExist) {
			continue // it is being written, or has just gone
		}
		p, err := parsePod(text)
		switch {
		case err != nil:
			refused[strings.TrimSuffix(e.Name(), ".yaml")] = fmt.Errorf("read manifest %s: %w", e.Name(), err)
		case r.programs[p.program] == "":
			refused[p.name] = fmt.Errorf("run manifest %s: unknown program %q", e.Name(), p.program)
		case pods[p.name] != nil:
			refused[e.Name()] = fmt.Errorf("run manifest %s: another file has a pod %s, too", e.Name(), p.name)
		default:
			pods[p.name] = p
		}
	}
	return pods, refused
}
