package manifests

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// cut gives an answer that breaks off after n bytes.
func cut(whole *http.Response, n int) *http.Response {
	text, _ := io.ReadAll(whole.Body)
	whole.Body = io.NopCloser(io.MultiReader(
		strings.NewReader(string(text[:min(n, len(text))])), iotest.ErrReader(io.ErrUnexpectedEOF)))
	return whole
}

func dumpOf(t *testing.T, f *fakeServer, opts Options) (*collected, *Report, error) {
	t.Helper()
	var c collected
	report, err := f.cluster().Dump(t.Context(), &c, opts)
	return &c, report, err
}

func outcomeOf(t *testing.T, r *Report, resource string) Outcome {
	t.Helper()
	for _, o := range r.Outcomes {
		if o.Resource.Resource == resource {
			return o
		}
	}
	t.Fatalf("there is no outcome of %s in %v", resource, r.Outcomes)
	return Outcome{}
}

// Whatever breaks, each object is handed on once, or its resource is said to have failed.
func TestObjectsComeOnce(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			f := &fakeServer{objects: map[string]int{"as": 137, "bs": 1, "cs": 0, "ds": 60}, revision: 1000}
			f.fault = func(resource string, n int, r *http.Request) *http.Response {
				f.mu.Lock()
				defer f.mu.Unlock()
				if _, ok := f.objects[resource]; !ok || n < 4 || random.IntN(4) > 0 {
					return nil
				}
				query := r.URL.Query()
				switch random.IntN(4) {
				case 0:
					if !query.Has("resourceVersion") && !query.Has("continue") {
						return nil // what is now is never too old
					}
					return refusal(http.StatusGone, "Expired", "the token is too old")
				case 1:
					again := refusal(http.StatusTooManyRequests, "TooManyRequests", "later")
					again.Header.Set("Retry-After", "3")
					return again
				default:
					whole := f.page(resource, f.objects[resource], query)
					return cut(whole, random.IntN(3000))
				}
			}
			c, report, err := dumpOf(t, f, Options{PageSize: 1 + random.IntN(40), Lists: 1 + random.IntN(4)})
			if err != nil {
				if !apierrors.IsResourceExpired(err) {
					t.Errorf("seed %d: %v", seed, err)
				}
				return
			}
			if report.Complete() {
				c.wantAll(t, f)
				return
			}
			for _, o := range report.Missing() {
				if o.State != Failed || !strings.Contains(o.Why, "unexpected EOF") {
					t.Errorf("seed %d: %s", seed, o)
				}
			}
			seen := map[string]bool{}
			for _, key := range c.keys {
				if seen[key] {
					t.Errorf("seed %d: %s came twice", seed, key)
				}
				seen[key] = true
			}
		})
	}
}

// A list whose token has expired begins again at its moment. The token in the error is of a later one.
func TestExpiredPage(t *testing.T) {
	f := &fakeServer{objects: map[string]int{"as": 30}, revision: 7}
	var asked []string
	f.fault = func(resource string, n int, r *http.Request) *http.Response {
		query := r.URL.Query()
		if resource != "as" || query.Get("limit") == "1" {
			return nil
		}
		asked = append(asked, query.Get("resourceVersion")+"/"+query.Get("continue"))
		if query.Get("continue") == "20" && len(asked) <= 3*maxExpired {
			return respond(http.StatusGone,
				`{"kind":"Status","status":"Failure","reason":"Expired","code":410,"metadata":{"continue":"newer"},"message":"old"}`)
		}
		return nil
	}
	c, report, err := dumpOf(t, f, Options{PageSize: 10})
	if err != nil || !report.Complete() || len(c.begins) != 1 {
		t.Errorf("%v, missing %v, %d begins", err, report.Missing(), len(c.begins))
	}
	if want := strings.Repeat("7/ /10 /20 ", 1+maxExpired); strings.Join(asked, " ")+" " != want {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	c.wantAll(t, f)
}

// Each page may break, and not only the first one.
func TestBrokenPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeServer{objects: map[string]int{"as": 50}, revision: 7}
		f.fault = func(resource string, n int, r *http.Request) *http.Response {
			if resource == "as" && r.URL.Query().Get("limit") != "1" && n%maxBroken > 0 {
				return cut(f.page("as", 50, r.URL.Query()), 400)
			}
			return nil
		}
		c, report, err := dumpOf(t, f, Options{PageSize: 10})
		if err != nil || !report.Complete() {
			t.Errorf("%v, missing %v", err, report.Missing())
		}
		c.wantAll(t, f)
	})
}

// A server that is asked for a moment and answers with another one has no part in the instant.
func TestOtherMoment(t *testing.T) {
	f := &fakeServer{objects: map[string]int{"as": 30, "bs": 5}, revision: 7}
	f.fault = func(resource string, n int, r *http.Request) *http.Response {
		if resource == "bs" && r.URL.Query().Get("resourceVersion") == "7" {
			return (&fakeServer{revision: 9}).page("bs", 5, r.URL.Query())
		}
		return nil
	}
	c, report, err := dumpOf(t, f, Options{})
	if err != nil || !report.Complete() || len(c.begins) != 2 {
		t.Fatalf("%v, missing %v, %d begins, want a second one", err, report.Missing(), len(c.begins))
	}
	c.wantAll(t, f)
	if as, bs := outcomeOf(t, report, "as"), outcomeOf(t, report, "bs"); as.Clock != "" || bs.Clock != "9" {
		t.Errorf("the clocks are %q and %q, want none and 9", as.Clock, bs.Clock)
	}
}

// At one moment a list has one order. A server that gives another one can't be read twice.
func TestOtherOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeServer{objects: map[string]int{"as": 30}, revision: 7}
		lists := 0
		f.fault = func(resource string, n int, r *http.Request) *http.Response {
			if resource != "as" || r.URL.Query().Get("limit") == "1" {
				return nil
			}
			if lists++; lists == 1 {
				return cut(f.page("as", 30, r.URL.Query()), 2000)
			}
			if lists == 2 {
				return respond(200, `{"metadata":{"resourceVersion":"7"},"items":[`+strings.Repeat(item("as", 29)+",", 29)+item("as", 28)+`]}`)
			}
			return nil
		}
		c, report, err := dumpOf(t, f, Options{})
		if err != nil || !report.Complete() || len(c.begins) != 2 {
			t.Fatalf("%v, missing %v, %d begins, want a second one", err, report.Missing(), len(c.begins))
		}
		c.wantAll(t, f)
	})
}

func TestOptionsAreChecked(t *testing.T) {
	f := &fakeServer{objects: map[string]int{"as": 1}, revision: 7}
	for _, o := range []Options{{LabelSelector: "a in"}, {Lists: -1}, {PageSize: -1}, {Rate: -1}, {Stall: -1}, {Namespaces: []string{"a", ""}}} {
		if _, _, err := dumpOf(t, f, o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	if len(f.seen) > 0 {
		t.Errorf("the server was asked for %v", f.seen)
	}
}

func TestDumpEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	f := &fakeServer{objects: map[string]int{"as": 300, "bs": 300}, revision: 7}
	f.fault = func(resource string, n int, r *http.Request) *http.Response {
		if r.URL.Query().Get("continue") != "" {
			cancel(enough)
		}
		return nil
	}
	report, err := f.cluster().Dump(ctx, new(collected), Options{})
	if !errors.Is(err, enough) || report == nil || report.Complete() {
		t.Errorf("the error is %v, the report %+v", err, report)
	}
}

func TestNothingToList(t *testing.T) {
	f := &fakeServer{objects: map[string]int{"as": 1}, revision: 7}
	report, err := f.cluster().Dump(t.Context(), new(collected), Options{Exclude: func(Resource) bool { return true }})
	if err == nil || !strings.Contains(err.Error(), "no resource to list") || outcomeOf(t, report, "as").State != Excluded ||
		report.Complete() {
		t.Errorf("the error is %v, the report %+v", err, report)
	}
	if (&Report{}).Complete() {
		t.Error("a report of nothing is complete")
	}
}

// What was empty at the instant is not listed again. If something was written after that, the look that was taken is of
// another moment.
func TestEmptyIsNotListedAgain(t *testing.T) {
	for _, c := range []struct {
		name         string
		later, lists int
	}{
		{"nothing was written", 7, 0},
		{"something was written", 9, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeServer{objects: map[string]int{"as": 3, "bs": 0}, revision: 7}
			later := &fakeServer{objects: f.objects, revision: c.later}
			var looks, lists atomic.Int32
			f.fault = func(resource string, _ int, r *http.Request) *http.Response {
				switch {
				case f.objects[resource] == 0 && resource != "bs":
				case r.URL.Query().Has("resourceVersion"):
					if resource == "bs" {
						lists.Add(1)
					}
				case looks.Add(1) > 1: // the first one sets the instant
					return later.answer(resource, r)
				}
				return nil
			}
			_, report, err := dumpOf(t, f, Options{})
			if err != nil {
				t.Fatal(err)
			}
			got := outcomeOf(t, report, "bs")
			if got.State != Listed || got.Objects != 0 || got.Clock != "" || int(lists.Load()) != c.lists {
				t.Errorf("the outcome is %v after %d lists, want 0 listed after %d", got, lists.Load(), c.lists)
			}
		})
	}
}
