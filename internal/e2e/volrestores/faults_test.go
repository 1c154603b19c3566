package volrestores

import (
	"errors"
	"net/http"
	"sync"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/volsnap"
)

// fault is what becomes of the writes of a client, counted from 1.
type fault struct {
	at     int  // the first write that it is about; 0 is none
	sent   bool // the server gets that one, and only the answer is lost
	killed bool // none after it is sent either, as after a crash, and nothing is read
}

var errFault = errors.New("the connection is lost")

// faulty is a connection that breaks.
type faulty struct {
	fault
	next http.RoundTripper

	mu     sync.Mutex
	writes int
}

func (f *faulty) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	write := r.Method != http.MethodGet
	if write {
		f.writes++
	}
	over, now := f.at > 0 && f.writes > f.at, f.at > 0 && write && f.writes == f.at
	dead := f.at > 0 && f.killed && f.writes >= f.at && !now
	f.mu.Unlock()
	switch {
	case dead, over && f.killed, now && !f.sent:
		return nil, errFault
	case !now:
		return f.next.RoundTrip(r)
	}
	if response, err := f.next.RoundTrip(r); err == nil {
		response.Body.Close()
	}
	return nil, errFault
}

// faulty is the cluster over a connection that breaks, and how many writes there were.
func (p *place) faulty(t *testing.T, f fault) (c *volsnap.Cluster, writes func() int) {
	t.Helper()
	config, broken := rest.CopyConfig(p.Config), &faulty{fault: f}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { broken.next = next; return broken })
	c, err := volsnap.NewCluster(config)
	must(t, err)
	return c, func() int {
		broken.mu.Lock()
		defer broken.mu.Unlock()
		return broken.writes
	}
}
