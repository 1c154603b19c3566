package cronjobs

import (
	"path/filepath"
	"regexp"

	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// alerts holds that rules look for the CronJob that there is. Nothing here evaluates them.
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
}
