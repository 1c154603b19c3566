package clustersnap

import (
	"fmt"
	"slices"
	"time"
)

// Retention says how many of what was saved are kept: the last ones, and the newest one of each hour, day, ISO week (Monday to
// Sunday), month and year, of as many such periods as it says, counted back from the newest. Only a period that has one counts,
// so that a backup which has stopped loses nothing more. A number below 0 is all of them. The zero value keeps everything.
type Retention struct {
	Last    int `json:"last,omitempty"`
	Hourly  int `json:"hourly,omitempty"`
	Daily   int `json:"daily,omitempty"`
	Weekly  int `json:"weekly,omitempty"`
	Monthly int `json:"monthly,omitempty"`
	Yearly  int `json:"yearly,omitempty"`
}

// Keep says for each item whether the retention keeps it; when gives the time of an item. The items may be in any order, and
// are not changed. It is pure: backup sets, snapshots of volumes and files are all the same to it, and it deletes nothing.
//
// Hours, days, weeks, months and years are those of now's location: use one and the same always, such as UTC. In another one
// other items stand for a day, and were perhaps deleted.
//
// What has no time (zero), or one after now, is kept and stands for no period: a clock that was wrong must not let go of what
// is good. Of items of one time the first one is the newest. One item at least is kept if there is one.
//
// Whoever deletes what is not kept after each new item has, at any time, just what Keep would keep of all that ever were: no
// more than the sum of the retention's numbers.
func Keep[T any](items []T, when func(T) time.Time, r Retention, now time.Time) []bool {
	kept := make([]bool, len(items))
	var newestFirst []int
	for i, item := range items {
		if t := when(item); t.IsZero() || t.After(now) || r == (Retention{}) {
			kept[i] = true
		} else {
			newestFirst = append(newestFirst, i)
		}
	}
	slices.SortStableFunc(newestFirst, func(a, b int) int { return when(items[b]).Compare(when(items[a])) })
	for _, rule := range r.rules() {
		left, last := rule.count, ""
		for _, i := range newestFirst {
			period := rule.period(i, when(items[i]).In(now.Location()))
			if left == 0 {
				break
			}
			if period != last {
				kept[i], last = true, period
				left--
			}
		}
	}
	return kept
}

// rule is one number of a retention, with the period that an item is in.
type rule struct {
	count  int
	period func(item int, t time.Time) string
}

func (r Retention) rules() []rule {
	return []rule{
		{r.Last, func(item int, _ time.Time) string { return fmt.Sprint(item) }},
		// With the offset: an hour that a clock shows twice, when it is set back, is two hours.
		{r.Hourly, func(_ int, t time.Time) string { return t.Format("2006-01-02 15 -07:00") }},
		{r.Daily, func(_ int, t time.Time) string { return t.Format(time.DateOnly) }},
		{r.Weekly, func(_ int, t time.Time) string {
			year, week := t.ISOWeek()
			return fmt.Sprint(year, week)
		}},
		{r.Monthly, func(_ int, t time.Time) string { return t.Format("2006-01") }},
		{r.Yearly, func(_ int, t time.Time) string { return t.Format("2006") }},
	}
}
