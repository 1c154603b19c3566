package cronjobs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// alerts holds that rules look for the CronJob that there is, and that Prometheus' own tool gives each alert when it should come,
// and no other.
func alerts(s *scene) {
	rules := peers.Kubectl.Output(s, "kustomize", filepath.Join(s.example, "alerts"))
	cron := s.cronJob()
	want := map[string]string{"namespace": cron.Namespace, "cronjob": cron.Name}
	found := regexp.MustCompile(`(namespace|cronjob)="([^"]*)"`).FindAllSubmatch(rules, -1)
	for _, label := range found {
		if string(label[2]) != want[string(label[1])] {
			s.Errorf("a rule looks for %s", label[0])
		}
	}
	if len(found) < 10 {
		s.Errorf("the rules select by %d labels:\n%s", len(found), rules)
	}

	var object struct{ Spec any }
	must(s, yaml.Unmarshal(rules, &object))
	spec, err := yaml.Marshal(object.Spec)
	must(s, err)
	cases, err := os.ReadFile("testdata/alerts.yaml")
	must(s, err)
	dir := s.TempDir()
	must(s, os.WriteFile(filepath.Join(dir, "rules.yaml"), spec, 0o600))
	must(s, os.WriteFile(filepath.Join(dir, "cases.yaml"), cases, 0o600))
	tool := exec.Command("promtool", "test", "rules", "cases.yaml")
	tool.Dir = dir
	if out, err := tool.CombinedOutput(); err != nil {
		s.Errorf("promtool: %v\n%s", err, out)
	}
}
