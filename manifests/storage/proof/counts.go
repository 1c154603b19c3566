package proof

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/manifests"
)

const (
	maxMetrics = 256 << 20 // bytes; a large cluster has some 20 MiB
	maxSeries  = 1 << 16   // kinds
)

// series is a line on how many objects of a kind are stored: pkg/storage/etcd3/metrics of k8s.io/apiserver.
var series = regexp.MustCompile(
	`^apiserver_(?:resource_objects\{group="([^"\\]*)",|storage_objects\{)resource="([^"\\]*)"\} (\S+)`)

// count reads how many objects of each kind the API server counts. Without the right to, or with a server that says no such
// thing, there are none.
func (a *api) count(ctx context.Context) (map[gr]int, error) {
	if a.report.Selection.LabelSelector != "" {
		return nil, nil // what has other labels is counted with the rest
	}
	counted, err := readCounts(ctx, a.config)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		a.blind = append(a.blind, "How many objects the API server has in its storage is not known: "+readable(err.Error())+".")
	}
	return counted, nil
}

func readCounts(ctx context.Context, config *rest.Config) (map[gr]int, error) {
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base.String(), "/")+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get /metrics: %s", response.Status)
	}
	return parseCounts(io.LimitReader(response.Body, maxMetrics))
}

// parseCounts reads the text format of Prometheus, as far as it is wanted. A server that has started less than a minute ago
// says 0 of all, and -1 means that it could not count.
func parseCounts(r io.Reader) (map[gr]int, error) {
	counted, sum := map[gr]int{}, 0
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		m := series.FindSubmatch(lines.Bytes())
		if m == nil {
			continue
		}
		resource, group, dotted := strings.Cut(string(m[2]), ".")
		if m[1] != nil || !dotted {
			group = string(m[1])
		}
		n, err := strconv.ParseFloat(string(m[3]), 64)
		if err != nil || !(n >= 0 && n < 1<<40) || len(counted) == maxSeries {
			continue
		}
		counted[gr{group, resource}] = int(n)
		sum += int(n)
	}
	switch {
	case lines.Err() != nil:
		return nil, fmt.Errorf("read /metrics: %w", lines.Err())
	case sum == 0:
		return nil, errors.New("it has not counted yet, or says no such thing")
	}
	return counted, nil
}

// compare holds the counts against what was listed.
func (a *api) compare(counted map[gr]int) {
	for _, of := range slices.SortedFunc(maps.Keys(counted), gr.compare) {
		n := counted[of]
		before, ok := a.covered.total(of)
		now, still := a.now.total(of)
		f := Finding{Is: Unchecked, Key: manifests.Key{Group: of.group, Resource: of.resource}}
		switch {
		case n == 0:
			continue
		case len(a.covered.outcomes[of]) == 0 && len(a.now.outcomes[of]) == 0:
			f.Why = fmt.Sprintf("the API server counts %d in its storage, and shows no such kind", n)
		case ok && still && n > max(before, now) && !a.changed(of):
			f.Why = fmt.Sprintf("the API server counts %d in its storage, and lists %d: the count is up to a minute old, "+
				"so prove again in a minute; if that stays, some are not listed", n, now)
		default:
			continue
		}
		a.ledger.add(f)
	}
}

// changed reports whether objects of a kind came or went since the dump, in whichever group it was listed.
func (a *api) changed(of gr) bool {
	return slices.ContainsFunc(homes(of), func(g gr) bool { return a.moved[g] })
}

// total is how many objects of a kind were listed, if all were.
func (c *coverage) total(of gr) (int, bool) {
	for _, home := range homes(of) {
		all := c.outcomes[home]
		if len(all) == 1 && all[0].State == manifests.Listed && all[0].Namespace == "" {
			return all[0].Objects, true
		}
	}
	return 0, false
}
