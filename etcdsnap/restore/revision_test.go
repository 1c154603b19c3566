package restore

import (
	"math"
	"testing"
	"time"
)

func TestRaised(t *testing.T) {
	for name, c := range map[string]struct {
		revision, known int64
		age             time.Duration
		want            int64 // 0: an error
	}{
		"just taken":                {revision: 500, want: 500 + 1e9},
		"an hour ago":               {revision: 500, age: time.Hour, want: 500 + 1e9 + 3600*20_000},
		"a part of a second counts": {revision: 1, age: time.Millisecond, want: 1 + 1e9 + 20_000},
		"older one is known":        {revision: 500, known: 400, want: 500 + 1e9},
		"newer one is known":        {revision: 500, known: 700, want: 700 + 1e9},
		"known from a restore":      {revision: 500, known: 500 + 1e9 + 7, age: time.Second, want: 500 + 2e9 + 7},
		"age says more":             {revision: 500, known: 600, age: time.Second, want: 500 + 1e9 + 20_000},
		"as far as it goes":         {revision: maxRevision - 1e9, want: maxRevision},
		"overflow":                  {revision: maxRevision - 1e9 + 1},
		"overflow by age":           {revision: math.MaxInt64 - 10, age: time.Hour},
		"overflow by what is known": {revision: 1, known: math.MaxInt64 - 1},
		"the longest age":           {revision: 1, age: maxAge, want: 1 + 1e9 + 20_000*int64(maxAge/time.Second)},
	} {
		got, err := raised(c.revision, c.known, c.age)
		if got != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("%s: got %d and %v, want %d", name, got, err, c.want)
		}
	}
}

func TestCheckRevision(t *testing.T) {
	for _, c := range []struct {
		asked, known int64
		good         bool
	}{
		{1e9 + 5, 5, true}, {1e9 + 4, 5, false}, {-1, 1, false}, {maxRevision, maxRevision - 1e9, true}, {maxRevision + 1, 1, false}, {math.MaxInt64, math.MaxInt64 - 1, false},
	} {
		if err := checkRevision(c.asked, c.known); (err == nil) != c.good {
			t.Errorf("%d with %d known: got %v", c.asked, c.known, err)
		}
	}
}
