package voltakes

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/volsnap"
)

// victim has the run of a process that is to be killed, victimConfig where it finds the API server.
const (
	victim       = "CLUSTERSNAP_VICTIM"
	victimConfig = "CLUSTERSNAP_VICTIM_KUBECONFIG"
)

// options are those of each run that is killed, and of the one after it.
func options(run string) volsnap.TakeOptions {
	return volsnap.TakeOptions{Run: run, InFlight: 3, Group: func(v volsnap.Volume) string {
		if v.Claim < "data-4" {
			return "group"
		}
		return ""
	}}
}

// beKilled takes what there is in the namespace killed. It does not return.
func beKilled() {
	err := func() error {
		config, err := clientcmd.BuildConfigFromFlags("", os.Getenv(victimConfig))
		if err != nil {
			return err
		}
		c, err := volsnap.NewCluster(config)
		if err != nil {
			return err
		}
		ctx := context.Background()
		plan, err := c.Plan(ctx, volsnap.Selection{Namespaces: []string{"killed"}}, volsnap.PlanOptions{})
		if err != nil {
			return err
		}
		fmt.Println("begins")
		account, err := c.Take(ctx, plan, options(os.Getenv(victim)))
		if err != nil {
			return err
		}
		return account.Complete()
	}()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// killed kills a run at any moment, again and again. The next one ends it: each claim has one snapshot, and nothing is left.
func killed(p *place) {
	const claims, rounds = 8, 6
	p.fill("killed", p.Drivers[0], names(claims)...)
	c, _ := p.cluster()
	plan := p.plan(c, "killed")
	for round := range rounds {
		run := fmt.Sprintf("killed-%d", round)
		before := len(p.Drivers[0].Snapshots())
		for range 2 {
			p.kill(run, rand.N(600*time.Millisecond))
		}
		account := p.take(c, plan, options(run))
		selector := metav1.ListOptions{LabelSelector: "clustersnap.github.io/run=" + run}
		contents, err := p.Dynamic.Resource(csibed.Contents).List(p.ctx, selector)
		must(p, err)
		snapshots, err := p.Dynamic.Resource(csibed.Snapshots).Namespace("killed").List(p.ctx, selector)
		must(p, err)
		made := len(p.Drivers[0].Snapshots()) - before
		if len(contents.Items) != claims || len(snapshots.Items) != claims || made != claims {
			p.Errorf("%d snapshots, %d contents and %d of the driver, want %d of each; notes: %q",
				len(snapshots.Items), len(contents.Items), made, claims, account.Notes)
		}
		p.unlabelled()
	}
	p.noOthers("killed", claims*rounds)
}

// kill begins a run in a process of its own and kills it after a while.
func (p *place) kill(run string, after time.Duration) {
	p.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victim+"="+run, victimConfig+"="+p.Node.Kubeconfig())
	out, err := cmd.StdoutPipe()
	must(p, err)
	wait, err := p.Node.Start(cmd)
	must(p, err)
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "begins\n" {
		p.Errorf("the process did not begin, and says %q (error: %v)", line, err)
	}
	time.AfterFunc(after, func() { cmd.Process.Kill() })
	wait() // with an error, or it was done before
}

// unlabelled wants no claim to have the label of a group.
func (p *place) unlabelled() {
	p.Helper()
	list, err := p.Client.CoreV1().PersistentVolumeClaims("").List(p.ctx, metav1.ListOptions{})
	must(p, err)
	for _, claim := range list.Items {
		for key := range claim.Labels {
			if strings.HasPrefix(key, "group.clustersnap.github.io/") {
				p.Errorf("claim %s/%s still has the label of its group", claim.Namespace, claim.Name)
			}
		}
	}
}

// noOthers wants a namespace to have so many contents, whoever made them.
func (p *place) noOthers(namespace string, want int) {
	p.Helper()
	list, err := p.Dynamic.Resource(csibed.Contents).List(p.ctx, metav1.ListOptions{})
	must(p, err)
	got := 0
	for _, o := range list.Items {
		if ns, _, _ := unstructured.NestedString(o.Object, "spec", "volumeSnapshotRef", "namespace"); ns == namespace {
			got++
		}
	}
	if got != want {
		p.Errorf("%d contents, want %d", got, want)
	}
}
