package drills

import (
	"context"
	"flag"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
)

// attempt is a restore that does not end, since something happens to it.
type attempt struct {
	name  string
	fails func(testing.TB, *paced)
	// undo takes it back, with flags if not nil. If it is nil the same command goes on.
	undo []string
	// refused says that it is not taken back without the flags.
	refused bool
}

var attempts = []attempt{
	{name: "fenced", fails: killedAt("fence done")},
	{name: "fenced, taken back", fails: killedAt("fence done"), undo: []string{}},
	{name: "fenced, without power", fails: func(t testing.TB, p *paced) { p.reach(t, "fence done"); p.powerCut(t) }},
	{name: "between the renames", fails: func(t testing.TB, p *paced) { p.killBetween(t) }},
	{name: "between the renames, taken back", fails: func(t testing.TB, p *paced) { p.killBetween(t) }, undo: []string{}},
	{name: "swapped, the last line torn", fails: func(t testing.TB, p *paced) { killedAt("swap done")(t, p); p.s.tear(t) }},
	{name: "API server up", fails: killedAt("api done")},
	{name: "API server up, taken back", fails: killedAt("api done"), undo: []string{"--lose-writes"}, refused: true},
}

// everyLine is for make soak: CI has no time for that.
var everyLine = flag.Bool("every-line", false, "TestOneNode kills a restore at each line of its journal")

// killed are restores that are killed, or lose power.
func killed(t *testing.T, s *Scene, set string) {
	list := attempts
	if *everyLine {
		list = atEachLine()
	}
	for _, a := range list {
		if !t.Run(a.name, func(t *testing.T) { a.makes(t, s, set) }) {
			return // the next one would find the node in between
		}
	}
}

// lines are those of a journal in turn.
var lines = []string{
	"began", "stage began", "stage noted", "stage done", "fence began", "fence done", "swap began", "swap noted", "swap done",
	"etcd began", "etcd done", "api began", "api done", "controllers began", "controllers noted", "controllers done",
	"kubelet began", "kubelet done",
}

// atEachLine goes on after each line, and goes back.
func atEachLine() (list []attempt) {
	for i, line := range lines {
		list = append(list, attempt{name: line, fails: killedAt(line)})
		back := attempt{name: line + ", taken back", fails: killedAt(line), undo: []string{}}
		if i >= slices.Index(lines, "api began") {
			back.undo, back.refused = []string{"--lose-writes"}, true
		}
		list = append(list, back)
	}
	return list
}

func killedAt(line string) func(testing.TB, *paced) {
	return func(t testing.TB, p *paced) {
		t.Helper()
		p.reach(t, line)
		p.kill(t)
	}
}

// restoring is the command that restores the node from a set.
func restoring(set string, more ...string) []string {
	return append([]string{"clustersnap", "restore", set, "--identity", ourKey, "--yes", "--settle", "0s"}, more...)
}

// makes does one attempt, and sees that the cluster has the new data or the old, whole, and works.
func (a attempt) makes(t testing.TB, s *Scene, set string) {
	t.Helper()
	s.Node.Output(t, "clustersnap", "restore", "prune", "--older-than", "0s")
	later := mark(t, s.Cluster.Kubernetes(t), "later-"+slug(a.name))
	a.fails(t, pace(t, s, restoring(set)...))
	if a.undo == nil {
		command.Good(t, s.run(t, restoring(set)...))
		s.has(t, later.Name, false)
	} else {
		if a.refused {
			o := s.run(t, "clustersnap", "restore", "undo")
			command.Bad(t, o, 1, "kube-apiserver was started")
		}
		undo := append([]string{"clustersnap", "restore", "undo"}, a.undo...)
		command.Good(t, s.run(t, undo...))
		s.has(t, later.Name, true)
	}
	s.acts(t)
}

// run runs a command on the node.
func (s *Scene) run(t testing.TB, args ...string) command.Outcome {
	t.Helper()
	cmd := s.Node.Enter(t.Context(), args...)
	return command.Of(t, cmd, cmd.Run)
}

// has holds that the cluster is the one of before, with an object of later or without it.
func (s *Scene) has(t testing.TB, later string, want bool) {
	t.Helper()
	objects := s.Cluster.Kubernetes(t).CoreV1().ConfigMaps(namespace)
	until(t, func(ctx context.Context) error { // kube-apiserver may know no rights yet when it answers first
		before, err := objects.Get(ctx, "before", metav1.GetOptions{})
		if err == nil && before.UID != s.before {
			t.Error("the object of before is another")
		}
		return err
	})
	_, err := objects.Get(stuck(t), later, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	if is := err == nil; is != want {
		t.Errorf("the object of later is there: %t, want %t", is, want)
	}
}

// acts waits until the Deployment has a new pod: the controllers, the scheduler and the kubelet do what they are for.
func (s *Scene) acts(t testing.TB) {
	t.Helper()
	s.Node.Output(t, "kubectl", "rollout", "restart", workload)
	s.Node.Output(t, "kubectl", "rollout", "status", workload, rolloutTime)
}

// slug is a text as names of objects are.
func slug(text string) string {
	return strings.NewReplacer(" ", "-", ",", "").Replace(strings.ToLower(text))
}
