package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/clustersnap/clustersnap/kubeadm/rehost"
	"github.com/clustersnap/clustersnap/kubeadm/restore"
)

// show prints for a program what moves, what would be done, and what is left to be done by commands.
func (p *hostPlan) show(as output, out io.Writer) error {
	err := as.value(out, struct {
		From     rehost.Host      `json:"from"`
		To       rehost.Host      `json:"to"`
		Endpoint string           `json:"endpoint,omitempty"`
		Changes  []rehost.Change  `json:"changes"`
		Findings []rehost.Finding `json:"findings"`
		Lost     []string         `json:"lost,omitempty"`
		Plan     *restore.Plan    `json:"plan,omitempty"` // none if it was done before
		Then     []rehost.Step    `json:"then"`
		Others   []rehost.Step    `json:"others"`
	}{p.from, p.to, p.endpoint, p.changes, p.findings, p.lost, p.plan, p.left.Steps, p.others})
	if p.plan == nil {
		return err
	}
	return errors.Join(err, refused(p.plan))
}

// tell says what moves, and what somebody has to look at.
func (p *hostPlan) tell(ctx context.Context, out steps) {
	out.line("host", p.String())
	for _, c := range p.changes {
		out.line("changed", c.String())
	}
	for _, text := range p.lines() {
		out.line("look", text)
	}
	if p.endpoint != "" {
		out.line("look", p.endpointText(ctx))
	}
	for _, text := range p.lost {
		out.line("lost", text)
	}
	out.line("old", fmt.Sprintf("the machine of %s must not run again: take away its disks, or its network", p.from.Name))
}

// endpointText says where the name leads by which all nodes reach the API.
func (p *hostPlan) endpointText(ctx context.Context) string {
	host, _, err := net.SplitHostPort(p.endpoint)
	if err != nil {
		host = p.endpoint
	}
	text := fmt.Sprintf("all reach the API at %s: that has to lead to %s", p.endpoint, p.to.Address)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, host)
	switch {
	case err != nil:
		return text + ", and is not known here"
	case slices.Contains(addresses, p.to.Address.String()):
		return text + ", and does"
	}
	return text + ", itself or by a load balancer, and leads to " + strings.Join(addresses, ", ") + " now"
}

// tellSteps prints what is left as commands.
func (p *hostPlan) tellSteps(out steps) {
	for _, s := range p.left.Steps {
		out.copied("then", s.Do+": "+s.Shell())
	}
	p.tellOthers(out)
}

// tellOthers prints what the other nodes need.
func (p *hostPlan) tellOthers(out steps) {
	for _, s := range p.others {
		text := s.Stage + " on " + s.Where + ": " + s.Do
		if s.Command == nil {
			out.line("others", text)
		} else {
			out.copied("others", text+": "+s.Shell())
		}
	}
}

// runSteps runs the commands of steps, one after the other.
func runSteps(ctx context.Context, out steps, list []rehost.Step) error {
	for _, s := range list {
		if s.Command == nil {
			continue
		}
		start := time.Now()
		cmd := exec.CommandContext(ctx, s.Command[0], s.Command[1:]...)
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %s: %w: %.500s", s.Do, s.Shell(), err, oneLine(strings.TrimSpace(string(text))))
		}
		out.line("done", fmt.Sprintf("%s (%.1f s)", s.Do, time.Since(start).Seconds()))
	}
	return nil
}
