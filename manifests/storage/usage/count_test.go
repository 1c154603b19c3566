package usage_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
	"github.com/clustersnap/clustersnap/manifests/storage/usage"
)

// What a key, its records and its end count for is written down here byte by byte.
func TestSizes(t *testing.T) {
	const key = "/registry/example.com/widgets/shop/a" // 36 bytes
	value := custom("Widget", "a", 200)
	put := int64(1+1+len(key)) + 2 + 2 + 2 + int64(1+2+len(value)) // key, three revisions of one byte, value
	tombstone := int64(1 + 1 + len(key))
	w := newWritten()
	for _, step := range []struct {
		do   func()
		want usage.Sizes
	}{
		{func() { w.put(key, value) }, usage.Sizes{Keys: 1, Bytes: put, Records: 1, RecordBytes: put}},
		{func() { w.put(key, value) }, usage.Sizes{Keys: 1, Bytes: put, Records: 2, RecordBytes: 2 * put}},
		{func() { w.put(key, value+" ") }, usage.Sizes{Keys: 1, Bytes: put + 1, Records: 3, RecordBytes: 3*put + 1}},
		{func() { w.remove(key) }, usage.Sizes{Records: 4, RecordBytes: 3*put + 1 + tombstone}},
		{func() { w.put(key, value) }, usage.Sizes{Keys: 1, Bytes: put, Records: 5, RecordBytes: 4*put + 1 + tombstone}},
	} {
		step.do()
		report := count(t, w, usage.Options{Objects: 1, Compacted: 3})
		resource := report.Resources[0]
		if report.Total != step.want || resource.Sizes != step.want || resource.Namespaces[0].Sizes != step.want {
			t.Errorf("after %d writes: %+v, want %+v", len(w.events), report.Total, step.want)
		}
		o := resource.Namespaces[0].Objects[0]
		if o.Bytes != step.want.Bytes || o.Records != step.want.Records || o.RecordBytes != step.want.RecordBytes {
			t.Errorf("after %d writes the object has %+v, want %+v", len(w.events), o, step.want)
		}
		if want := max(0, step.want.Records-2); o.Changes != want || report.Revision != step.want.Records+1 {
			t.Errorf("after %d writes: %d changes, want %d; revision %d", len(w.events), o.Changes, want, report.Revision)
		}
	}
	w.put("/registry/leases/shop/b", strings.Repeat("x", 100))
	w.events[len(w.events)-1].Kv.Lease = 1 << 62 // nine bytes
	w.events[len(w.events)-1].Kv.Version = 128
	b := count(t, w, usage.Options{}).Resources[1]
	if want := int64(2+23) + 2 + 2 + 3 + 10 + 2 + 100; b.Bytes != want {
		t.Errorf("with a lease: %d bytes, want %d", b.Bytes, want)
	}
}

// However long the lists may be, they take no more memory than there are keys.
func TestListsOfAnyLength(t *testing.T) {
	w := newWritten()
	w.put("/registry/example.com/widgets/shop/a", custom("Widget", "a", 200))
	w.put("/registry/example.com/widgets/shop/b", custom("Widget", "b", 300))
	for _, top := range []int{1, 2, math.MaxInt} {
		list := count(t, w, usage.Options{Top: top}).Largest
		if len(list) != min(top, 2) || list[0].Name != "b" {
			t.Errorf("of at most %d objects are listed %+v", top, list)
		}
	}
	if list := count(t, newWritten(), usage.Options{Top: math.MaxInt}).Largest; len(list) != 0 {
		t.Errorf("of nothing is listed %+v", list)
	}
}

func TestPlaces(t *testing.T) {
	w := newWritten()
	const example = "example.com"
	keys := map[string]usage.Resource{
		"/registry/minions/node-1":                {Resource: "nodes", Use: storage.Object},
		"/registry/services/specs/shop/web":       {Resource: "services", Use: storage.Object},
		"/registry/example.com/widgets/shop/a":    {Group: example, Resource: "widgets", Kind: "Widget", Use: storage.Object},
		"/registry/events/shop/a.1":               {Group: "events.k8s.io", Resource: "events", Use: storage.Object},
		"/registry/masterleases/10.0.0.1":         {Resource: "masterleases", Use: storage.Internal},
		"/registry/ranges/servicenodeports":       {Resource: "ranges", Use: storage.Internal},
		"/registry/marvels/shop/a":                {Resource: "marvels", Use: storage.Unknown},
		"/registry/wonders/shop/a":                {Group: example, Resource: "wonders", Kind: "Wonder", Use: storage.Object},
		"compact_rev_key":                         {Resource: "compact_rev_key", Use: storage.Outside},
		"/elsewhere/a/b":                          {Resource: "elsewhere", Use: storage.Outside},
		"/registry-of-another/widgets/shop/a":     {Resource: "registry-of-another", Use: storage.Outside},
		"/registry/apiregistration.k8s.io/x/y/z/": {Resource: "apiregistration.k8s.io", Use: storage.Unknown},
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		value := ""
		if kind := keys[key].Kind; kind != "" {
			value = strings.Replace(custom(kind, "a", 1), `"name"`, `"namespace":"shop","name"`, 1)
		}
		w.put(key, value)
	}
	report := count(t, w, usage.Options{Objects: 10})
	for _, r := range report.Resources {
		names := r.Namespaces[0].Objects
		if len(r.Namespaces) != 1 || len(names) != 1 {
			t.Errorf("%s has %+v", r.Resource, r.Namespaces)
			continue
		}
		if inShop := r.Use == storage.Object && r.Resource != "nodes"; inShop != (r.Namespaces[0].Namespace == "shop") {
			t.Errorf("%s is in namespace %q", r.Resource, r.Namespaces[0].Namespace)
		}
		found := false
		for key, want := range keys {
			if want.Resource == r.Resource && strings.HasSuffix(key, names[0].Name) {
				found = want.Group == r.Group && want.Kind == r.Kind && want.Use == r.Use && names[0].Kind == r.Kind
				delete(keys, key)
				break
			}
		}
		if !found {
			t.Errorf("%+v is of no key, or not as it should be", r)
		}
	}
	if len(keys) > 0 {
		t.Errorf("not counted are %v", slices.Collect(maps.Keys(keys)))
	}
}

func TestOtherPrefix(t *testing.T) {
	w := newWritten()
	w.put("/kubernetes.io/secrets/shop/a", "a")
	w.put("/registry/secrets/shop/a", "a")
	for _, prefix := range []string{"/kubernetes.io", "/kubernetes.io/", "kubernetes.io"} {
		report := count(t, w, usage.Options{Prefix: prefix, Objects: 1})
		uses := map[string]storage.Use{}
		for _, r := range report.Resources {
			uses[r.Resource] = r.Use
		}
		if want := map[string]storage.Use{"secrets": storage.Object, "registry": storage.Outside}; !maps.Equal(uses, want) {
			t.Errorf("prefix %q: %v, want %v", prefix, uses, want)
		}
	}
}

// A simple-minded count of many random writes comes to the same.
func TestModel(t *testing.T) {
	const top, objects, compacted = 7, 3, 500
	r := rand.New(rand.NewPCG(1, 2))
	w := newWritten()
	model := map[manifests.Key]*usage.Object{}
	last := map[manifests.Key]int64{}
	for range 6000 {
		k := manifests.Key{
			Group: "example.com", Resource: fmt.Sprintf("r%d", r.IntN(4)),
			Namespace: fmt.Sprintf("n%d", r.IntN(5)), Name: fmt.Sprintf("o%d", r.IntN(60)),
		}
		o := model[k]
		if o == nil {
			o = &usage.Object{Key: k}
			model[k] = o
		}
		path := fmt.Sprintf("/registry/%s/%s/%s/%s", k.Group, k.Resource, k.Namespace, k.Name)
		if r.IntN(4) == 0 && o.Version > 0 {
			w.remove(path)
			o.Version, o.Bytes = 0, 0
			last[k] = int64(2 + len(path))
		} else {
			w.put(path, strings.Repeat("x", 200+r.IntN(3)))
			kv := w.events[len(w.events)-1].Kv
			o.Version++
			last[k] = int64(2+len(path)) + 3 + int64(len(kv.Value))
			for _, n := range []int64{kv.CreateRevision, kv.ModRevision, kv.Version} {
				last[k] += 2 + map[bool]int64{true: 1}[n > 127] // below 16384
			}
			o.Bytes = last[k]
		}
		o.Records++
		o.RecordBytes += last[k]
		if w.revision() > compacted {
			o.Changes++
		}
	}
	report := count(t, w, usage.Options{Top: top, Objects: objects, Compacted: compacted})
	all := make([]usage.Object, 0, len(model))
	for _, o := range model {
		all = append(all, *o)
	}
	best := func(n int, worth func(usage.Object) int64, keep func(usage.Object) bool) []usage.Object {
		list := slices.DeleteFunc(slices.Clone(all), func(o usage.Object) bool { return !keep(o) || worth(o) == 0 })
		slices.SortFunc(list, func(a, b usage.Object) int {
			return cmp.Or(cmp.Compare(worth(b), worth(a)), cmp.Compare(a.Resource, b.Resource), a.Compare(b.Key))
		})
		return list[:min(n, len(list))]
	}
	stored := func(o usage.Object) int64 { return o.RecordBytes }
	every := func(usage.Object) bool { return true }
	for name, lists := range map[string][2][]usage.Object{
		"largest":  {report.Largest, best(top, func(o usage.Object) int64 { return o.Bytes }, every)},
		"heaviest": {report.Heaviest, best(top, stored, every)},
		"changing": {report.Changing, best(top, func(o usage.Object) int64 { return o.Changes }, every)},
	} {
		if !reflect.DeepEqual(lists[0], lists[1]) {
			t.Errorf("the %s objects are\n%+v\nwant\n%+v", name, lists[0], lists[1])
		}
	}
	for _, r := range report.Resources {
		for _, n := range r.Namespaces {
			here := func(o usage.Object) bool { return o.Resource == r.Resource && o.Namespace == n.Namespace }
			if want := best(objects, stored, here); !reflect.DeepEqual(n.Objects, want) {
				t.Errorf("%s in %s are\n%+v\nwant\n%+v", r.Resource, n.Namespace, n.Objects, want)
			}
			if want := sum(best(len(all), stored, here)); n.Sizes != want {
				t.Errorf("%s in %s take %+v, want %+v", r.Resource, n.Namespace, n.Sizes, want)
			}
		}
	}
	if want := sum(all); report.Total != want {
		t.Errorf("in total %+v, want %+v", report.Total, want)
	}
}

func sum(list []usage.Object) (s usage.Sizes) {
	for _, o := range list {
		if o.Bytes > 0 {
			s.Keys++
		}
		s.Bytes += o.Bytes
		s.Records += o.Records
		s.RecordBytes += o.RecordBytes
	}
	return s
}

// Keys are hashed with another seed each time, and no list may show it.
func TestSameEventsSameReport(t *testing.T) {
	w := newWritten()
	for i := range 3000 {
		w.put(fmt.Sprintf("/registry/example.com/r%d/n%d/o%d", i%40, i%30, i), "same size")
	}
	var first []byte
	for range 5 {
		b, err := json.Marshal(count(t, w, usage.Options{Objects: 2}))
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = b
		}
		if string(b) != string(first) {
			t.Fatal("two reports of the same events differ")
		}
	}
}

// managedFields count while the object that has them is live, and what has not changed is in no list of changes.
func TestManagedFieldsAndChanges(t *testing.T) {
	const managed = `[{"manager":"kubectl"}]`
	value := `{"metadata":{"managedFields":` + managed + `}}`
	w := newWritten()
	w.put("/registry/example.com/widgets/shop/a", value)
	w.put("/registry/example.com/widgets/shop/b", value)
	w.put("/registry/example.com/widgets/shop/b", `{}`)
	w.put("/registry/example.com/widgets/shop/c", value)
	w.remove("/registry/example.com/widgets/shop/c")
	report := count(t, w, usage.Options{Objects: 3, Compacted: 4})
	if report.Total.ManagedFields != int64(len(managed)) {
		t.Errorf("managedFields are %d bytes, want %d", report.Total.ManagedFields, len(managed))
	}
	for _, o := range report.Resources[0].Namespaces[0].Objects {
		if (o.ManagedFields > 0) != (o.Name == "a") {
			t.Errorf("of %s they are %d bytes", o.Name, o.ManagedFields)
		}
	}
	if len(report.Changing) != 1 || report.Changing[0].Name != "c" || report.Changing[0].Changes != 2 {
		t.Errorf("those that change are %+v, want c alone", report.Changing)
	}
}
