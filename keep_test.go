package clustersnap_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	_ "time/tzdata" // zones that change their clocks, on any machine

	"github.com/clustersnap/clustersnap"
)

// utc reads times such as 2026-03-01T04:00.
func utc(t testing.TB, texts ...string) []time.Time {
	t.Helper()
	var times []time.Time
	for _, text := range texts {
		at, err := time.Parse("2006-01-02T15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, at)
	}
	return times
}

func itself(t time.Time) time.Time { return t }

// keep gives what is kept of items.
func keep(items []time.Time, r clustersnap.Retention, now time.Time) []time.Time {
	var kept []time.Time
	for i, ok := range clustersnap.Keep(items, itself, r, now) {
		if ok {
			kept = append(kept, items[i])
		}
	}
	return kept
}

func ExampleKeep() {
	type backup struct {
		name string
		at   time.Time
	}
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	var backups []backup
	for day := range 90 {
		at := now.AddDate(0, 0, -day)
		backups = append(backups, backup{at.Format("Mon 2006-01-02"), at})
	}
	policy := clustersnap.Retention{Daily: 3, Weekly: 2, Monthly: 3}
	for i, ok := range clustersnap.Keep(backups, func(b backup) time.Time { return b.at }, policy, now) {
		if ok {
			fmt.Println(backups[i].name)
		}
	}
	// Output:
	// Tue 2026-03-31
	// Mon 2026-03-30
	// Sun 2026-03-29
	// Sat 2026-02-28
	// Sat 2026-01-31
}

func TestKeep(t *testing.T) {
	items := []string{ // in no order
		"2026-03-02T04:00", "2026-03-01T04:00", "2026-03-01T16:00", "2026-02-28T23:59", "2025-12-31T23:30", "2026-03-02T04:30",
		"2024-12-30T00:00",
	}
	for name, test := range map[string]struct {
		policy clustersnap.Retention
		want   []string
	}{
		"nothing said":     {clustersnap.Retention{}, items},
		"the last one":     {clustersnap.Retention{Last: 1}, []string{"2026-03-02T04:30"}},
		"the last two":     {clustersnap.Retention{Last: 2}, []string{"2026-03-02T04:00", "2026-03-02T04:30"}},
		"more than exist":  {clustersnap.Retention{Last: 99}, items},
		"all":              {clustersnap.Retention{Last: -1}, items},
		"hours":            {clustersnap.Retention{Hourly: 2}, []string{"2026-03-01T16:00", "2026-03-02T04:30"}},
		"days":             {clustersnap.Retention{Daily: 3}, []string{"2026-03-01T16:00", "2026-02-28T23:59", "2026-03-02T04:30"}},
		"weeks, on Monday": {clustersnap.Retention{Weekly: 2}, []string{"2026-03-01T16:00", "2026-03-02T04:30"}},
		// Monday 30 December 2024 is in the first week of 2025, and 31 December 2025 in that of 2026.
		"weeks across years": {clustersnap.Retention{Weekly: -1}, []string{
			"2026-03-01T16:00", "2025-12-31T23:30", "2026-03-02T04:30", "2024-12-30T00:00",
		}},
		"months":    {clustersnap.Retention{Monthly: 2}, []string{"2026-02-28T23:59", "2026-03-02T04:30"}},
		"years":     {clustersnap.Retention{Yearly: 2}, []string{"2025-12-31T23:30", "2026-03-02T04:30"}},
		"all years": {clustersnap.Retention{Yearly: -1}, []string{"2025-12-31T23:30", "2026-03-02T04:30", "2024-12-30T00:00"}},
		"together": {clustersnap.Retention{Last: 2, Monthly: 2}, []string{
			"2026-03-02T04:00", "2026-02-28T23:59", "2026-03-02T04:30",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			all := utc(t, items...)
			got := keep(all, test.policy, utc(t, "2026-03-02T12:00")[0])
			if want := utc(t, test.want...); !slices.Equal(got, want) {
				t.Errorf("kept are %v, want %v", got, want)
			}
			if !slices.Equal(all, utc(t, items...)) {
				t.Error("the items were changed")
			}
		})
	}
}

func TestKeepTellsPeriodsApartThatAreNamedAlike(t *testing.T) {
	for name, test := range map[string]struct {
		policy clustersnap.Retention
		items  []string
	}{
		"the same hour of two days":     {clustersnap.Retention{Hourly: 2}, []string{"2026-03-01T04:00", "2026-03-02T04:00"}},
		"the same day of two months":    {clustersnap.Retention{Daily: 2}, []string{"2026-02-01T04:00", "2026-03-01T04:00"}},
		"the same week of two years":    {clustersnap.Retention{Weekly: 2}, []string{"2025-03-03T04:00", "2026-03-02T04:00"}},
		"the same month of two years":   {clustersnap.Retention{Monthly: 2}, []string{"2025-03-01T04:00", "2026-03-01T04:00"}},
		"the same day of two centuries": {clustersnap.Retention{Yearly: 2}, []string{"1926-03-01T04:00", "2026-03-01T04:00"}},
	} {
		t.Run(name, func(t *testing.T) {
			items := utc(t, test.items...)
			if got := keep(items, test.policy, items[1]); !slices.Equal(got, items) {
				t.Errorf("kept are %v, want both", got)
			}
		})
	}
}

func TestKeepWhatHasNoTimeOrOneToCome(t *testing.T) {
	now := utc(t, "2026-03-02T12:00")[0]
	items := []time.Time{{}, now.Add(time.Second), now, now.Add(-time.Second), now.AddDate(3, 0, 0)}
	got := clustersnap.Keep(items, itself, clustersnap.Retention{Last: 1, Yearly: 1}, now)
	if want := []bool{true, true, true, false, true}; !slices.Equal(got, want) {
		t.Errorf("kept are %v, want %v", got, want)
	}
}

func TestKeepOneOfTheSameTime(t *testing.T) {
	now := utc(t, "2026-03-02T12:00")[0]
	got := clustersnap.Keep([]time.Time{now, now, now}, itself, clustersnap.Retention{Last: 2, Daily: 1}, now)
	if want := []bool{true, true, false}; !slices.Equal(got, want) {
		t.Errorf("kept are %v, want %v", got, want)
	}
	if got := clustersnap.Keep(nil, itself, clustersnap.Retention{Last: 1}, now); len(got) != 0 {
		t.Errorf("of nothing %v is kept", got)
	}
}

func TestKeepByTheCalendarOfNow(t *testing.T) {
	items := utc(t, "2026-03-01T22:00", "2026-03-01T23:30", "2026-03-02T01:00")
	for zone, want := range map[string][]time.Time{
		"UTC":           {items[1], items[2]},
		"Europe/Berlin": {items[0], items[2]}, // 23:00, and 0:30 and 2:00 on the next day
		"Asia/Tokyo":    {items[2]},
	} {
		at, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		got := keep(items, clustersnap.Retention{Daily: 2}, items[2].In(at))
		if !slices.Equal(got, want) {
			t.Errorf("in %s kept are %v, want %v", zone, got, want)
		}
	}
}

func TestKeepWhenClocksChange(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	// 02:30 twice, at +02:00 and at +01:00; then 03:30.
	items := utc(t, "2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T02:30")
	got := keep(items, clustersnap.Retention{Hourly: 3}, items[2].In(berlin))
	if !slices.Equal(got, items) {
		t.Errorf("kept are %v, want all three hours", got)
	}
}

// history makes items from bytes: two bytes each, the minutes since the one before it.
func history(gaps []byte) []time.Time {
	at := time.Date(2023, 12, 28, 9, 0, 0, 0, time.UTC)
	var items []time.Time
	for len(gaps) >= 2 {
		at = at.Add(time.Duration(binary.BigEndian.Uint16(gaps)) * time.Minute)
		items, gaps = append(items, at), gaps[2:]
	}
	return items
}

// holds holds the promises of Keep against one history, each item of which comes before the next one.
func holds(t *testing.T, items []time.Time, r clustersnap.Retention) {
	t.Helper()
	if r == (clustersnap.Retention{}) || len(items) == 0 {
		return
	}
	now := items[len(items)-1]
	want := keep(items, r, now)
	if most := r.Last + r.Hourly + r.Daily + r.Weekly + r.Monthly + r.Yearly; len(want) > most || len(want) == 0 {
		t.Fatalf("%+v keeps %d items, and not 1 to %d", r, len(want), most)
	}
	if want[len(want)-1] != now {
		t.Fatalf("%+v does not keep the newest item", r)
	}
	if again := keep(want, r, now); !slices.Equal(again, want) {
		t.Fatalf("%+v keeps %v of what it has kept, %v", r, again, want)
	}
	// Pruned after each new one, there is the same as if nothing had ever been deleted.
	var there []time.Time
	for _, item := range items {
		there = keep(append(there, item), r, item)
	}
	if !slices.Equal(there, want) {
		t.Fatalf("%+v, pruned each time, leaves %v, want %v of %v", r, there, want, items)
	}
	mixed := slices.Clone(items)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	got := keep(mixed, r, now)
	slices.SortFunc(got, time.Time.Compare)
	if !slices.Equal(slices.Compact(got), slices.Compact(want)) {
		t.Fatalf("%+v keeps %v in another order, want %v", r, got, want)
	}
}

func retention(n [6]uint8) clustersnap.Retention {
	return clustersnap.Retention{
		Last: int(n[0] % 8), Hourly: int(n[1] % 30), Daily: int(n[2] % 40), Weekly: int(n[3] % 10), Monthly: int(n[4] % 15),
		Yearly: int(n[5] % 5),
	}
}

func TestKeepIsStable(t *testing.T) {
	const seed = 11
	random := rand.New(rand.NewPCG(seed, seed))
	for range 200 {
		gaps := make([]byte, 2*random.IntN(120))
		for i := range gaps {
			gaps[i] = byte(random.Uint32())
			if i%2 == 0 { // often many in a day, sometimes weeks without any
				gaps[i] >>= random.IntN(8)
			}
		}
		var numbers [6]uint8
		for i := range numbers {
			numbers[i] = uint8(random.Uint32() >> random.IntN(9))
		}
		holds(t, history(gaps), retention(numbers))
	}
}

func FuzzKeep(f *testing.F) {
	f.Add([]byte{0, 60, 5, 160, 5, 160, 39, 96, 0, 0}, uint8(1), uint8(2), uint8(7), uint8(4), uint8(12), uint8(3))
	f.Add([]byte{255, 255, 255, 255, 255, 255}, uint8(0), uint8(0), uint8(0), uint8(1), uint8(0), uint8(0))
	f.Fuzz(func(t *testing.T, gaps []byte, last, hourly, daily, weekly, monthly, yearly uint8) {
		if len(gaps) > 400 {
			gaps = gaps[:400]
		}
		holds(t, history(gaps), retention([6]uint8{last, hourly, daily, weekly, monthly, yearly}))
	})
}
