package volcommands

import (
	"context"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

func TestMain(m *testing.M) { command.Main(m) }

var must, stuck = trial.Must, trial.Context

var claims = schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}

// place is a cluster and the command.
type place struct {
	*testing.T
	ctx    context.Context
	node   *bed.Node
	bed    *csibed.Bed // nil before there is a CSI stack
	driver *driver.Driver
}

// All share one control plane, and have namespaces of their own. The first one has it before it knows of snapshots.
func TestVolumes(t *testing.T) {
	node := bed.ControlPlane(t, bed.Options{})
	t.Run("a cluster without VolumeSnapshots", func(t *testing.T) { notServed(&place{T: t, ctx: stuck(t), node: node}) })
	// It has the name of one that serves volumes from before CSI.
	d := driver.Start(t, driver.Options{Name: "ebs.csi.aws.com"})
	b := csibed.Start(t, node, csibed.Options{Drivers: []*driver.Driver{d}})
	for _, test := range []struct {
		name string
		run  func(*place)
	}{
		{"slips are told", slips},
		{"rest that nobody has is told", rest},
		{"records", records},
		{"records of a run that has no time left", late},
		{"restores say what comes next", restores},
		{"what has lost its namespace comes back", lost},
		{"groups, volumes from before CSI, and a storage's own way", ways},
		{"all of them, one after the other", tour},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(&place{T: t, ctx: stuck(t), node: node, bed: b, driver: b.Drivers[0]})
		})
	}
}

// volumes runs the command on the node.
func (p *place) volumes(args ...string) command.Outcome {
	p.Helper()
	args = append([]string{"volumes", args[0], "--kubeconfig", p.node.Kubeconfig()}, args[1:]...)
	return command.RunOn(p, p.node, args...)
}

// prints holds that a command has succeeded and printed these texts.
func (p *place) prints(o command.Outcome, texts ...string) string {
	p.Helper()
	if o.Code != 0 {
		p.Fatalf("exit %d\n%s%s", o.Code, o.Stdout, o.Stderr)
	}
	for _, text := range texts {
		if !strings.Contains(o.Stdout, text) {
			p.Errorf("it does not print %q:\n%s", text, o.Stdout)
		}
	}
	return o.Stdout
}

// claims makes a namespace with claims.
func (p *place) claims(namespace string, names ...string) {
	p.Helper()
	p.bed.Namespace(p, namespace)
	p.bed.Claims(p, namespace, p.driver.Name, names...)
}
