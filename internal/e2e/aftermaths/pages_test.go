package aftermaths

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/kubeadm/aftermath"
)

// many makes more Leases than a page has: all are found, also when the server forgets where a list was, and the text names three.
func many(s *scene) {
	const count = 1100
	leases := s.api.CoordinationV1().Leases("default")
	var made sync.WaitGroup
	var failed atomic.Value
	for worker := range 8 {
		made.Go(func() {
			for i := worker; i < count; i += 8 {
				lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{GenerateName: "old-", Labels: map[string]string{"of": "many"}}}
				if _, err := leases.Create(s.ctx, lease, metav1.CreateOptions{}); err != nil {
					failed.Store(err)
				}
			}
		})
	}
	made.Wait()
	if err, ok := failed.Load().(error); ok {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		these := metav1.ListOptions{LabelSelector: "of=many"}
		must(s, leases.DeleteCollection(context.WithoutCancel(s.ctx), metav1.DeleteOptions{}, these))
	})

	for _, c := range []struct {
		name    string
		forgets bool
	}{{"in pages", false}, {"when the server forgets", true}} {
		pages := &forgetful{forgets: c.forgets}
		config := rest.CopyConfig(s.config)
		config.Wrap(func(next http.RoundTripper) http.RoundTripper { pages.next = next; return pages })
		report := s.inspectAs(config, aftermath.Options{Running: s.running})
		names := map[string]bool{}
		for _, f := range report.Findings {
			if f.Kind != aftermath.Leaderless || names[f.Object.Name] {
				s.Errorf("%s: %s, too", c.name, line(f))
			}
			names[f.Object.Name] = true
		}
		if len(names) != count {
			s.Errorf("%s: %d leases are found, want %d", c.name, len(names), count)
		}
		if asked := pages.leases.Load(); asked != 3 {
			s.Errorf("%s: leases were asked for %d times, want 3", c.name, asked)
		}
		var text strings.Builder
		must(s, report.WriteText(&text))
		if lines := strings.Count(text.String(), "Lease default/"); lines != 3 || !strings.Contains(text.String(), "and 1097 more") {
			s.Errorf("%s: the text has %d leases:\n%s", c.name, lines, text.String())
		}
	}
}

// forgetful is a server that has compacted its past before the second page of Leases is asked for.
type forgetful struct {
	next    http.RoundTripper
	forgets bool
	leases  atomic.Int64
}

func (f *forgetful) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/leases") {
		return f.next.RoundTrip(r)
	}
	if f.leases.Add(1) == 2 && f.forgets {
		status := apierrors.NewResourceExpired("the provided continue parameter is too old").ErrStatus
		status.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
		body, err := json.Marshal(status)
		if err != nil {
			return nil, err
		}
		return &http.Response{
			StatusCode: http.StatusGone, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(bytes.NewReader(body)), Request: r,
		}, nil
	}
	return f.next.RoundTrip(r)
}

// noReport looks where nothing can be seen at all.
func noReport(s *scene) {
	nobody := rest.AnonymousClientConfig(s.config)
	nobody.BearerToken, nobody.Dial = "none", s.config.Dial
	away := rest.CopyConfig(s.config)
	away.Host = "https://" + s.node.Address + ":1"
	garbage := rest.CopyConfig(s.config)
	garbage.Wrap(func(next http.RoundTripper) http.RoundTripper { return garbler{next} })
	for _, c := range []struct {
		name, says string
		config     *rest.Config
	}{
		{"no configuration", "names no API server", nil},
		{"no server named", "names no API server", &rest.Config{}},
		{"no server", "connection refused", away},
		{"nobody", "nauthorized", nobody},
		{"garbage", "read nodes: ", garbage},
	} {
		report, err := aftermath.Inspect(s.ctx, c.config, s.now, aftermath.Options{})
		if report != nil || err == nil || !strings.Contains(err.Error(), c.says) {
			s.Errorf("%s: the error is %v, want one that says %q", c.name, err, c.says)
		}
	}
	ctx, cancel := context.WithCancelCause(s.ctx)
	why := errors.New("enough")
	report, err := aftermath.Inspect(ctx, s.config, s.now, aftermath.Options{
		Running: func(ctx context.Context, _ string) ([]aftermath.RunningPod, error) {
			cancel(why)
			return nil, ctx.Err()
		},
	})
	if report != nil || !errors.Is(err, why) {
		s.Errorf("ended while nodes are asked, the error is %v, want %v", err, why)
	}
}

// garbler answers a list of nodes with something else.
type garbler struct{ next http.RoundTripper }

func (g garbler) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/api/v1/nodes" {
		return g.next.RoundTrip(r)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(`{"items": [{"metadata": 1}]}`)), Request: r,
	}, nil
}
