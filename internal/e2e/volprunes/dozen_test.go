package volprunes

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/prune"
)

// dozen watches how many go at once, and how often the contents of the cluster are listed for them.
func dozen(p *place) {
	var names []string
	for i := range 6 {
		names = append(names, fmt.Sprintf("data-%d", i))
	}
	p.claims("dozen", names...)
	others := len(p.driver.Snapshots())
	var last []volsnap.Snapshot
	for i := range 3 {
		last = p.take("dozen", fmt.Sprintf("dozen-%d", i))
	}
	ctx, cancel := context.WithCancel(p.ctx)
	most := p.watchDeletions(ctx, "dozen")
	var lists atomic.Int32
	report := p.runAs(p.plan("dozen", newest(1)), counted(&lists, "/volumesnapshotcontents"), prune.RunOptions{InFlight: 3})
	if n := lists.Load(); n != 2 { // one of them has one content alone, for the version
		p.Errorf("contents were listed %d times, want twice", n)
	}
	cancel()
	must(p, report.Err())
	if n := len(report.Outcomes); n != 12 {
		p.Errorf("%d went, want 12", n)
	}
	if n := <-most; n < 2 || n > 3 {
		p.Errorf("at most %d went at once, want 2 or 3", n)
	}
	if n := len(p.driver.Snapshots()) - others; n != 6 {
		p.Errorf("the driver has %d of them, want 6", n)
	}
	for _, s := range last {
		p.stored([]volsnap.Snapshot{s}, true)
	}
}

// counted counts the lists of a path that ends so.
func counted(lists *atomic.Int32, path string) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		return tripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, path) && !r.URL.Query().Has("watch") {
				lists.Add(1)
			}
			return next.RoundTrip(r)
		})
	}
}

// watchDeletions gives, once ctx has ended, how many snapshots of a namespace were being deleted at once at most.
func (p *place) watchDeletions(ctx context.Context, namespace string) <-chan int {
	events, err := p.bed.Dynamic.Resource(csibed.Snapshots).Namespace(namespace).Watch(ctx, metav1.ListOptions{})
	must(p, err)
	most := make(chan int, 1)
	go func() {
		going, max := map[string]bool{}, 0
		for e := range events.ResultChan() {
			u, ok := e.Object.(*unstructured.Unstructured)
			if !ok {
				continue
			}
			if e.Type == "DELETED" {
				delete(going, u.GetName())
			} else if u.GetDeletionTimestamp() != nil {
				going[u.GetName()] = true
			}
			if len(going) > max {
				max = len(going)
			}
		}
		most <- max
	}()
	return most
}
