package wholesets

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
)

// gateway is where a stock Pushgateway listens in the node's own network.
const gateway = "http://127.0.0.1:9091"

// told has Prometheus' own programs take what a backup says of itself, and one after it that fails.
func told(s *scene) {
	server := exec.Command("prometheus-pushgateway", "--web.listen-address=127.0.0.1:9091")
	wait, err := s.node.Start(server)
	must(s, err)
	defer wait()
	defer server.Process.Signal(os.Interrupt)
	client := &http.Client{Transport: &http.Transport{DialContext: s.node.DialContext, DisableKeepAlives: true}}
	metrics := func() (string, error) {
		answer, err := client.Get(gateway + "/metrics")
		if err != nil {
			return "", err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		return string(text), err
	}
	for _, err := metrics(); err != nil; _, err = metrics() { // until it is up
		must(s, s.ctx.Err())
	}

	file := filepath.Join(s.TempDir(), "clustersnap.prom")
	outlets := []string{"--cluster", "prod", "--metrics-file", file, "--pushgateway", gateway}
	place := "file://" + s.TempDir() + "/"
	backup := func(to string) command.Outcome {
		args := append([]string{"backup", "--root", s.node.Root, "--recipient", s.recipient, "--to", to}, outlets...)
		return command.RunOn(s, s.node, args...)
	}
	command.Good(s, backup(place+"one.clustersnap"))
	pushed, err := metrics()
	must(s, err)
	text, err := os.ReadFile(file)
	must(s, err)
	check := exec.Command("promtool", "check", "metrics")
	check.Stdin = strings.NewReader(string(text))
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		s.Errorf("promtool: %v\n%s", err, out)
	}
	success := regexp.MustCompile(`(?m)^clustersnap_backup_last_success_timestamp_seconds.* (\S+)$`)
	when := success.FindStringSubmatch(string(text))
	if when == nil || !strings.Contains(pushed, `clustersnap_backup_verdict{cluster="prod",instance="",job="clustersnap",node="cp1",verdict="good"} 1`) {
		s.Fatalf("the file has\n%s\nand the gateway\n%s", text, pushed)
	}

	command.Bad(s, backup(place+"one.clustersnap"), 1, "exists")
	pushed, err = metrics()
	must(s, err)
	text, err = os.ReadFile(file)
	must(s, err)
	for where, text := range map[string]string{"the file": string(text), "the gateway": pushed} {
		again := success.FindStringSubmatch(text)
		if again == nil || again[1] != when[1] || !regexp.MustCompile(`(?m)^clustersnap_backup_verdict.*"failed".* 1$`).MatchString(text) {
			s.Errorf("after one that failed %s has\n%s", where, text)
		}
	}
}
