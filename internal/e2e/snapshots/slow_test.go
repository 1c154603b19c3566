package snapshots

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
)

// stuck takes nothing until it is released.
type stuck struct{ released chan struct{} }

func (s stuck) Write(p []byte) (int, error) {
	<-s.released
	return len(p), nil
}

// A destination that is stuck does not keep etcd's read transaction open, even while its write does not return.
func TestSlowDestinationFreesEtcd(t *testing.T) {
	c := etcdbed.Start(t, etcdbed.Options{})
	client := c.Client(t)
	fill(t, client, large)
	idle := transactions(t, c)
	dst := stuck{make(chan struct{})}
	ended := make(chan error, 1)
	go func() {
		_, err := etcdsnap.Save(context.Background(), dst, client, etcdsnap.Options{Stall: 2 * time.Second})
		ended <- err
	}()
	await(t, "opened", func() bool { return transactions(t, c) == idle+1 })
	await(t, "freed", func() bool { return transactions(t, c) == idle })
	select {
	case err := <-ended:
		t.Fatalf("Save returned while a write was under way: %v", err)
	default:
	}
	close(dst.released)
	if err := <-ended; !errors.Is(err, etcdsnap.ErrSlow) {
		t.Errorf("got %v, want ErrSlow", err)
	}
}

// A destination that rests now and then, and catches up, is not slow.
func TestDestinationThatCatchesUp(t *testing.T) {
	c := etcdbed.Start(t, etcdbed.Options{})
	client := c.Client(t)
	fill(t, client, 8<<20)
	if _, err := etcdsnap.Save(t.Context(), io.Discard, client, etcdsnap.Options{MinRate: 64 << 10, Stall: time.Second}); err != nil {
		t.Error(err)
	}
}

// transactions counts the read transactions that a member has open: it looks itself when it commits a write.
func transactions(t *testing.T, c *etcdbed.Cluster) int {
	t.Helper()
	if _, err := c.Client(t).Put(t.Context(), "/look", "now"); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: c.TLS(t)}}
	defer client.CloseIdleConnections()
	response, err := client.Get(c.Members[0].Endpoint + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, value, _ := strings.Cut(string(b), "\netcd_mvcc_db_open_read_transactions ")
	var n int
	if _, err := fmt.Sscan(value, &n); err != nil {
		t.Fatalf("etcd does not say how many transactions are open: %v", err)
	}
	return n
}

// await waits for an event that shows only when one looks.
func await(t *testing.T, what string, happened func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(time.Minute)
	for !happened() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("not %s within a minute", what)
		}
	}
}
