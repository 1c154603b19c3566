package treemap

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
	"github.com/clustersnap/clustersnap/manifests/storage/usage"
)

// object is one that stores n bytes, of which half are live.
func object(name string, n int64) usage.Object {
	key := manifests.Key{Resource: "secrets", Namespace: "shop", Name: name}
	return usage.Object{Key: key, Bytes: n / 2, RecordBytes: n, Records: 2}
}

// holding is a report of one resource, whose namespaces have these objects and others that are not listed.
func holding(others usage.Sizes, namespaces ...[]usage.Object) *usage.Report {
	r := usage.Resource{Resource: "secrets", Use: storage.Object, Kind: "Secret"}
	for i, objects := range namespaces {
		n := usage.Namespace{Namespace: fmt.Sprint("shop-", i), Sizes: others, Objects: objects}
		for _, o := range objects {
			n.Sizes = plus(n.Sizes, usage.Sizes{Keys: 1, Bytes: o.Bytes, Records: o.Records, RecordBytes: o.RecordBytes})
		}
		r.Sizes = plus(r.Sizes, n.Sizes)
		r.Namespaces = append(r.Namespaces, n)
	}
	return &usage.Report{Total: r.Sizes, Resources: []usage.Resource{r}}
}

func plus(a, b usage.Sizes) usage.Sizes {
	a.Keys += b.Keys
	a.Bytes += b.Bytes
	a.Records += b.Records
	a.RecordBytes += b.RecordBytes
	return a
}

// Whatever is folded, what a node takes is what its children take.
func TestSumsAreKept(t *testing.T) {
	many := make([]usage.Object, maxObjects)
	for i := range many {
		many[i] = object(fmt.Sprint(i), 100)
	}
	others := usage.Sizes{Keys: 7, Bytes: 70, Records: 9, RecordBytes: 90}
	for name, c := range map[string]struct {
		report *usage.Report
		leaves int
	}{
		"all listed":        {holding(usage.Sizes{}, []usage.Object{object("a", 10), object("b", 8)}), 2},
		"others":            {holding(others, []usage.Object{object("a", 10)}), 2},
		"none listed":       {holding(others, nil), 1},
		"as many as may be": {holding(usage.Sizes{}, many), maxObjects},
		"more, all alike":   {holding(usage.Sizes{}, many, many[:50]), maxObjects + 1},
		"more, some larger": {holding(usage.Sizes{}, many, []usage.Object{object("a", 200), object("b", 8)}), maxObjects + 2},
	} {
		leaves := 0
		var visit func(n *node)
		visit = func(n *node) {
			if len(n.Children) == 0 {
				leaves++
				return
			}
			var sum sizes
			for _, child := range n.Children {
				for i := range sum {
					sum[i] += child.Sizes[i]
				}
				visit(child)
			}
			if sum != n.Sizes {
				t.Errorf("%s: %s has %v, its children %v", name, n.Name, n.Sizes, sum)
			}
		}
		visit(newTree(c.report))
		if leaves != c.leaves {
			t.Errorf("%s: %d rectangles, want %d", name, leaves, c.leaves)
		}
	}
}

// Names are data, wherever they stand.
func TestNamesAreEscaped(t *testing.T) {
	const hostile = "</script><script>alert(1)</script>\"'`\u2028<!--"
	report := holding(usage.Sizes{}, []usage.Object{object(hostile, 10)})
	report.Resources[0].Resource, report.Resources[0].Kind, report.Resources[0].Namespaces[0].Namespace = hostile, hostile, hostile
	report.Prefix, report.Largest = hostile, report.Resources[0].Namespaces[0].Objects
	var b bytes.Buffer
	if err := Write(&b, report, About{Name: hostile}); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	if n := strings.Count(page, "<script"); n != 2 || strings.Contains(page, "<!--") || strings.Contains(page, "alert(1)</") {
		t.Errorf("of %d scripts in the page, some are names", n)
	}
	_, data, _ := strings.Cut(page, `<script type="application/json" id="data">`)
	data, _, _ = strings.Cut(data, "</script>")
	var got struct{ Tree node }
	if err := json.Unmarshal([]byte(data), &got); err != nil {
		t.Fatal(err)
	}
	if name := got.Tree.Children[0].Children[0].Children[0].Name; name != hostile {
		t.Errorf("a name has become %q", name)
	}
}

func TestFormats(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 KiB", 10_000: "9.8 KiB", 10_200: "10 KiB",
		1023_000: "999 KiB", 1024_000: "1.0 MiB", 5 << 40: "5.0 TiB",
	} {
		if got := formatBytes(n); got != want {
			t.Errorf("%d bytes are %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234"} {
		if got := formatNumber(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	for parts, want := range map[[2]int64]string{
		{0, 0}: "–", {0, 5}: "0 %", {1, 5000}: "< 0.1 %", {1, 1000}: "0.1 %", {99, 1000}: "9.9 %", {1, 10}: "10 %", {7, 7}: "100 %",
	} {
		if got := percent(parts[0], parts[1]); got != want {
			t.Errorf("%v is %q, want %q", parts, got, want)
		}
	}
}
