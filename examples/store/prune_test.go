package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap"
)

var pruneNow = time.Date(2026, 11, 27, 12, 0, 0, 123_456_789, time.FixedZone("", 3600))

// daysAgo is a set of a node, of some days before.
func daysAgo(node string, days int, verdict Verdict) Receipt {
	r := goodReceipt()
	r.Node, r.Verdict, r.Created = node, verdict, pruneNow.AddDate(0, 0, -days)
	r.Set = fmt.Sprintf("%s-%d-%s%s", node, days, verdict, Extension)
	return r
}

func deleted(plan Plan) (names []string) {
	for _, d := range plan.Sets {
		if d.Delete {
			names = append(names, strings.TrimSuffix(d.Set, Extension))
		}
	}
	slices.Sort(names)
	return names
}

func TestDecide(t *testing.T) {
	last := clustersnap.Retention{Last: 1}
	locked := daysAgo("a", 5, Verified)
	locked.LockedUntil = pruneNow.Add(time.Minute)
	late, early := daysAgo("a", 1, Verified), daysAgo("a", 1, Verified) // half an hour before and behind midnight of UTC
	early.Created = time.Date(2026, 11, 26, 0, 30, 0, 0, time.UTC)
	late.Set, late.Created = "late"+Extension, time.Date(2026, 11, 25, 23, 30, 0, 0, time.UTC)
	lacking, lackingToo := daysAgo("a", 1, Verified), daysAgo("a", 2, Verified)
	lacking.Degraded, lackingToo.Degraded = true, true
	otherCluster := daysAgo("a", 9, Verified)
	otherCluster.Cluster = "test"
	for name, c := range map[string]struct {
		policy Policy
		sets   []Receipt
		want   []string
	}{
		"nothing is asked": {Policy{}, []Receipt{daysAgo("a", 1, Verified), daysAgo("a", 2, Verified)}, nil},
		"each node by itself": {
			Policy{Keep: last},
			[]Receipt{daysAgo("a", 1, Verified), daysAgo("a", 2, Verified), daysAgo("b", 8, Verified), daysAgo("b", 9, Verified)},
			[]string{"a-2-verified", "b-9-verified"},
		},
		"each cluster by itself": {Policy{Keep: last}, []Receipt{daysAgo("a", 1, Verified), otherCluster}, nil},
		"unverified ones stay, and stand for nothing": {
			Policy{Keep: last},
			[]Receipt{daysAgo("a", 1, Unverified), daysAgo("a", 2, Verified), daysAgo("a", 3, Unverified), daysAgo("a", 4, Verified)},
			[]string{"a-4-verified"},
		},
		"unverified ones go when told, if a later one is verified": {
			Policy{Keep: last, Unverified: true},
			[]Receipt{daysAgo("a", 1, Unverified), daysAgo("a", 2, Verified), daysAgo("a", 3, Unverified), daysAgo("b", 3, Unverified)},
			[]string{"a-3-unverified"},
		},
		"a verified one of the future is no later one": {
			Policy{Keep: last, Unverified: true},
			[]Receipt{daysAgo("a", -1, Verified), daysAgo("a", 3, Unverified)}, nil,
		},
		"the last one that is not degraded stays": {
			Policy{Keep: last}, []Receipt{lacking, lackingToo, daysAgo("a", 3, Verified), daysAgo("a", 4, Verified)},
			[]string{"a-2-verified", "a-4-verified"},
		},
		"where all are degraded the last one stays": {
			Policy{Keep: last}, []Receipt{lacking, lackingToo}, []string{"a-2-verified"},
		},
		"locked ones stay": {Policy{Keep: last}, []Receipt{daysAgo("a", 1, Verified), locked, daysAgo("a", 7, Verified)},
			[]string{"a-7-verified"}},
		"days are those of UTC": {Policy{Keep: clustersnap.Retention{Daily: 2}}, []Receipt{early, late}, nil},
		"days": {
			Policy{Keep: clustersnap.Retention{Daily: 2}},
			[]Receipt{daysAgo("a", 0, Verified), daysAgo("a", 1, Verified), daysAgo("a", 2, Verified)},
			[]string{"a-2-verified"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			plan := c.policy.Decide(&Listing{Sets: c.sets}, pruneNow)
			if got := deleted(plan); !slices.Equal(got, c.want) || len(plan.Sets) != len(c.sets) {
				t.Errorf("deletes %v, want %v", got, c.want)
			}
		})
	}
}

// Whatever the flags and whatever is there: of each node that has a verified set, the last one stays.
func TestLastGoodStays(t *testing.T) {
	for bits := range 1 << 8 {
		var sets []Receipt
		for day := range 8 {
			verdict := Unverified
			if bits&(1<<day) != 0 {
				verdict = Verified
			}
			sets = append(sets, daysAgo("a", day, verdict))
		}
		for _, p := range []Policy{
			{Keep: clustersnap.Retention{Last: 1}, Unverified: true}, {Keep: clustersnap.Retention{Yearly: 1}},
			{Keep: clustersnap.Retention{Hourly: 1, Weekly: 1}, Unverified: true},
		} {
			for _, d := range p.Decide(&Listing{Sets: sets}, pruneNow).Sets {
				if d.Verdict == Verified { // the first one is the last good one
					if d.Delete {
						t.Fatalf("%08b, %+v: the last good one goes", bits, p)
					}
					break
				}
				if d.Delete {
					t.Fatalf("%08b, %+v: one goes that is newer than the last good one", bits, p)
				}
			}
		}
	}
}

func TestDecideLeftovers(t *testing.T) {
	noReceipt := Leftover{Name: "b.clustersnap", Kind: Uncommitted, Time: pruneNow.Add(-25 * time.Hour)}
	l := &Listing{Leftovers: []Leftover{
		noReceipt,
		{Name: "old", Time: pruneNow.Add(-25 * time.Hour)}, {Name: "young", Time: pruneNow.Add(-time.Hour)},
		{Name: "future", Time: pruneNow.Add(time.Hour)},
	}}
	plan := Policy{Leftover: 24 * time.Hour}.Decide(l, pruneNow)
	if len(plan.Leftovers) != 1 || plan.Leftovers[0].Name != "old" || len(plan.Young) != 2 ||
		!slices.Equal(plan.Unasked, []Leftover{noReceipt}) {
		t.Errorf("%+v", plan)
	}
	plan = Policy{Leftover: 24 * time.Hour, WithoutReceipt: true}.Decide(l, pruneNow)
	if len(plan.Leftovers) != 2 || len(plan.Unasked) != 0 {
		t.Errorf("with sets that have no receipt: %+v", plan)
	}
}
