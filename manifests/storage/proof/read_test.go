package proof

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests"
)

// A proof comes back from a backup set as it went there.
func TestRead(t *testing.T) {
	w := filled(t)
	p := prove(t, report(w.revision, outcomes()...), without(w.dump(t, w.revision), "a"), w.store(w.revision), Options{})
	b, err := json.Marshal(p)
	must(t, err)
	got, err := Read(iotest.OneByteReader(bytes.NewReader(b)))
	must(t, err)
	if !reflect.DeepEqual(got, p) || got.Complete() {
		t.Errorf("read %+v, want %+v", got, p)
	}
	for i := range b {
		if _, err := Read(bytes.NewReader(b[:i])); err == nil {
			t.Fatalf("the first %d of %d bytes are taken for a proof", i, len(b))
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for text, says := range map[string]string{
		`{"version":2,"strength":"exact"}`:                                          "newer format",
		`{"strength":"exact"}`:                                                      "version is 0",
		`{"version":1,"strength":"certain"}`:                                        "no strength",
		`{"version":1,"strength":"exact","findings":[{"is":"unsaved"}]}`:            `"unsaved" more often than the 0`,
		`{"version":1,"strength":"exact","findings":[{"is":"unsaved","count":-5}]}`: "stands for -5",
		// Two findings whose sum is less than none.
		`{"version":1,"strength":"exact","keys":1,"matched":1,"findings":[{"is":"unsaved","count":9223372036854775807},` +
			`{"is":"unsaved","count":9223372036854775807}]}`: "more often than the 0",
		`{"version":1,"strength":"exact","counts":{"unsaved":9223372036854775807},"findings":[{"is":"unsaved",` +
			`"count":9223372036854775807},{"is":"unsaved"}]}`: "more often than the 9223372036854775807",
		`{"version":1,"strength":"exact","counts":{"unsaved":1},"findings":[{"is":"unsaved","count":-1}]}`: "stands for -1",
		`{"version":1,"strength":"exact","matched":1,"counts":{"unsaved":-1}}`:                             "it counts -1",
		`{"version":1,"strength":"exact","matched":1,"counts":{"missing":1}}`:                              `"missing" is no kind`,
		`{"version":1,"strength":"exact","counts":{"fine":1},"findings":[{"is":"fine"}]}`:                  `"fine" is no kind`,
		`{"version":1,"strength":"exact","keys":-1}`:                                                       "less than none",
		`{"version":1,"strength":"exact","unlisted":-1}`:                                                   "less than none",
		`[]`: "cannot unmarshal",
	} {
		if p, err := Read(strings.NewReader(text)); err == nil || p != nil && err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, %v", text, p, err)
		}
	}
	if _, err := Read(strings.NewReader(`{"version":2}`)); !errors.Is(err, ErrNewer) {
		t.Errorf("the error of a newer one is %v", err)
	}
	if _, err := Read(endless{}); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("the error of one without end is %v", err)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

// An etcd full of keys that nobody knows makes no proof that is as large.
func TestBounded(t *testing.T) {
	w := newWorld()
	var keys []*mvccpb.KeyValue
	for i := range 50_000 {
		key := append([]byte("/registry/"), bytes.Repeat([]byte{0xff, byte(i), byte(i >> 8)}, 300)...)
		keys = append(keys, &mvccpb.KeyValue{Key: key, CreateRevision: 5, ModRevision: 5})
	}
	s := w.store(w.revision)
	s.Keys = func(yield func(*mvccpb.KeyValue, error) bool) {
		for _, kv := range keys {
			if !yield(kv, nil) {
				return
			}
		}
	}
	p := prove(t, report(w.revision, outcomes()...), nil, s, Options{})
	b, err := json.Marshal(p)
	must(t, err)
	if p.Counts[Unsaved] != len(keys) || len(p.Findings)+p.Unlisted != len(keys) || p.Unlisted == 0 || len(b) > 3*maxText {
		t.Errorf("%d counted, %d listed, %d not, in %d bytes", p.Counts[Unsaved], len(p.Findings), p.Unlisted, len(b))
	}
	for _, f := range p.Findings {
		if len(f.EtcdKey) > 4*maxName+30 || strings.ContainsFunc(f.String(), func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("a finding has the key %q", f.EtcdKey)
		}
	}
	if _, err := Read(bytes.NewReader(b)); err != nil {
		t.Error(err)
	}
}

func TestReadable(t *testing.T) {
	for s, want := range map[string]string{
		"a/b":          "a/b",
		"käse":         "käse",
		"a\x1b[2J\xff": `a\x1b[2J\xff`,
		"a\nb":         `a\nb`,
	} {
		if got := readable(s); got != want {
			t.Errorf("readable(%q) is %q, want %q", s, got, want)
		}
	}
	long := strings.Repeat("ä", maxName)
	if got := readable(long); got != strings.Repeat("ä", maxName/2)+"... (1024 bytes)" {
		t.Errorf("a long text becomes %q", got)
	}
	if got := readable("x" + long); !strings.HasPrefix(got, "xä") || strings.Contains(got, `\x`) {
		t.Errorf("a long text becomes %q", got)
	}
}

// The lines that people read.
func TestStrings(t *testing.T) {
	for want, f := range map[string]Finding{
		"outside: 2 x /calico: why": {Is: Outside, EtcdKey: "/calico", Count: 2, Why: "why"},
		"unchecked: Any pods: why":  {Is: Unchecked, ObjectKind: "Any", Key: manifests.Key{Resource: "pods"}, Why: "why"},
		"unsaved: secrets/a -n b (dumped at 3): why": {Is: Unsaved, ResourceVersion: "3", Why: "why",
			Key: manifests.Key{Resource: "secrets", Name: "a", Namespace: "b"}},
		"unsaved: /registry/x (/registry/x at 3): why": {Is: Unsaved, EtcdKey: "/registry/x", ModRevision: 3, Why: "why"},
	} {
		if f.String() != want {
			t.Errorf("the line is %q, want %q", f, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"version":1,"strength":"exact","revision":7,"keys":1,"objects":1,"matched":1,"counts":{"internal":2},` +
		`"findings":[{"is":"internal","resource":"","name":"","count":2,"etcdKey":"/registry/ranges","why":"a"}]}`))
	f.Add([]byte(`{"version":1,"strength":"weaker","findings":null,"blind":["a"]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		again, err := json.Marshal(p)
		must(t, err)
		same, err := Read(bytes.NewReader(again))
		must(t, err)
		if same.Complete() != p.Complete() || same.String() != p.String() {
			t.Errorf("read again %v, want %v", same, p)
		}
	})
}

// A key and a value are whatever somebody has written to etcd.
func FuzzKey(f *testing.F) {
	f.Add([]byte(mapA), packed(f, "shop", "a", "uid-a"), int64(12), int64(12))
	f.Add([]byte("/registry/secrets/shop/s"), []byte("k8s:enc:aescbc:v1:key1:abc"), int64(12), int64(40))
	f.Add([]byte("/registry/podsecuritypolicy/a"), []byte("k8s\x00\x0a"), int64(-1), int64(1<<62))
	f.Add([]byte("compact_rev_key"), []byte("9"), int64(0), int64(0))
	w := filled(f)
	all, at := w.dump(f, w.revision), w.revision
	f.Fuzz(func(t *testing.T, key, value []byte, create, mod int64) {
		s := w.store(at)
		keys := s.Keys
		s.Keys = func(yield func(*mvccpb.KeyValue, error) bool) {
			for kv, err := range keys {
				if !yield(kv, err) {
					return
				}
			}
			yield(&mvccpb.KeyValue{Key: key, Value: value, CreateRevision: create, ModRevision: mod}, nil)
		}
		p, err := Complete(t.Context(), Dump{Report: report(at, outcomes()...), Entries: entries(all)}, s, Options{})
		if err != nil {
			if !errors.Is(err, ErrOtherCluster) {
				t.Error(err)
			}
			return
		}
		told := 0
		for _, n := range p.Counts {
			told += n
		}
		if told+p.Matched < p.Keys {
			t.Errorf("%d keys, %d matched and %d told", p.Keys, p.Matched, told)
		}
	})
}
