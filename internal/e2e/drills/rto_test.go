package drills

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/kubecluster"
)

// way is one of getting a cluster back.
type way struct {
	name    string
	restore func(testing.TB, *Scene) []Step
}

// BenchmarkRestore restores one cluster by hand and by our command in turn, without the time that somebody takes to type and to
// read, and says what each step took and how many commands were typed:
//
//   - lost: etcd's data and the PKI are destroyed, and etcd and kube-apiserver are dead;
//   - running: the control plane runs, and a mistake is to be taken back. So it has to be stopped first, and kube-apiserver
//     takes 30 s to end once its pod is told to, unless somebody asks the container runtime.
//
// Whoever restores by hand waits for the leases of leaders that are gone, too, some 15 s: that is the step "lead".
func BenchmarkRestore(b *testing.B) {
	b.Setenv("CGO_ENABLED", "0")
	s := NewScene(b, kubecluster.Start(b, kubecluster.Options{}))
	s.Node.Install(b, command.Build(b, "../../../examples", "./clustersnap"))
	hand := way{"hand", ByHand}
	cri := way{"command", ourCommand()}
	b.Run("lost", func(b *testing.B) { inTurn(b, s, s.Disaster, hand, cri) })
	b.Run("running", func(b *testing.B) {
		inTurn(b, s, func(testing.TB) {}, hand, way{"command-without-cri", ourCommand("--cri", "")}, cri)
	})
}

// inTurn gets the cluster back in each way, round by round, after something has happened to it.
func inTurn(b *testing.B, s *Scene, happens func(testing.TB), ways ...way) {
	total, typed := map[string]float64{}, map[string]int{}
	for b.Loop() {
		for _, w := range ways {
			b.StopTimer()
			s.start(b)
			BackUpByHand(b, s)
			backUpByCommand(b, s)
			s.Later(b)
			happens(b)
			b.StartTimer()
			steps := w.restore(b, s)
			b.StopTimer()
			s.Check(b)
			typed[w.name] = 0
			for _, step := range steps {
				b.Logf("%6.1f s  %d typed  %s: %s", step.Took.Seconds(), step.Typed, w.name, step.Name)
				total[w.name+"/"+step.Name] += step.Took.Seconds()
				if step.Name != dropped {
					total[w.name+"/until-it-works"] += step.Took.Seconds()
				}
				typed[w.name] += step.Typed
			}
			b.StartTimer()
		}
	}
	b.ReportMetric(0, "ns/op") // of all ways together, with what is between them
	for name, seconds := range total {
		b.ReportMetric(seconds/float64(b.N), name+"-s")
	}
	for name, commands := range typed {
		b.ReportMetric(float64(commands), name+"/typed")
	}
}

// start takes away what the round before has left: what [Scene.Works] has made, and what lies aside.
func (s *Scene) start(t testing.TB) {
	t.Helper()
	s.Node.Output(t, "kubectl", "delete", "pod", "fresh", "--ignore-not-found")
	s.Node.Output(t, "kubectl", "scale", workload, "--replicas=1")
	s.Node.Output(t, "kubectl", "rollout", "status", workload, rolloutTime)
	s.shell(t, "rm -rf /var/lib/etcd.before /etc/kubernetes/manifests.off "+ourSet)
	s.Node.Output(t, "clustersnap", "restore", "prune", "--older-than", "0s")
}

// Where the backup by our command lies on the node, and what opens it.
const (
	ourSet = "/var/backups/cp1.clustersnap"
	ourKey = "/opt/key.txt"
)

// backUpByCommand makes a set of the node as it is now.
func backUpByCommand(t testing.TB, s *Scene) {
	t.Helper()
	recipient, key := command.KeyPair(t)
	text, err := os.ReadFile(key)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(s.Node.Root, ourKey), text, 0o600))
	s.Node.Output(t, "clustersnap", "backup", "--to", ourSet, "--recipient", recipient)
}

// ourCommand restores what [backUpByCommand] has saved.
func ourCommand(flags ...string) func(testing.TB, *Scene) []Step {
	return func(t testing.TB, s *Scene) []Step {
		t.Helper()
		var all timing
		all.step("command", 1, func() {
			args := append([]string{"clustersnap", "restore", ourSet, "--identity", ourKey, "--yes"}, flags...)
			restore := s.Node.Enter(t.Context(), args...)
			o := command.Of(t, restore, restore.Run)
			command.Good(t, o)
			for line := range strings.Lines(o.Stdout) {
				if strings.HasPrefix(line, "took ") {
					t.Logf("          %s", strings.TrimSpace(line))
				}
			}
		})
		all.step("lead", 0, func() { s.waitLeaders(t) })
		all.step("works", 0, func() { s.Works(t) })
		all.step(dropped, 0, func() { s.WaitDropped(t) })
		return all.steps
	}
}
