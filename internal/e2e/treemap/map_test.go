package treemap

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/clustersnap/clustersnap/manifests/storage/usage"
)

// box is a rectangle of the map.
type box struct {
	Depth      int
	Name       string // of those of the first level: what a screen reader says
	X, Y, W, H float64
}

func (b box) area() float64 { return b.W * b.H }

// fits holds that rectangles of one depth lie in the map and not on each other, and that the first level's fill it.
func fits(t testing.TB, b *tab) []box {
	t.Helper()
	return ask[sheet](b, "sheet()").fits(t)
}

// sheet is a map as it is drawn.
type sheet struct {
	Size  [2]float64
	Boxes []box
}

func (s sheet) fits(t testing.TB) []box {
	t.Helper()
	all, size := s.Boxes, s.Size
	byDepth := map[int][]box{}
	for _, box := range all {
		byDepth[box.Depth] = append(byDepth[box.Depth], box)
		if box.X < -.5 || box.Y < -.5 || box.X+box.W > size[0]+.5 || box.Y+box.H > size[1]+.5 {
			t.Errorf("a rectangle is out of the map: %+v", box)
		}
	}
	var area float64
	for _, box := range byDepth[0] {
		area += box.area()
	}
	if whole := size[0] * size[1]; math.Abs(area-whole) > whole/500 {
		t.Errorf("the rectangles have %.0f square pixels of %.0f", area, whole)
	}
	for depth, list := range byDepth {
		slices.SortFunc(list, func(a, b box) int { return int(a.X*100) - int(b.X*100) })
		for i, a := range list {
			for _, b := range list[i+1:] {
				if b.X >= a.X+a.W-.1 {
					break
				}
				if a.Y < b.Y+b.H-.1 && b.Y < a.Y+a.H-.1 {
					t.Fatalf("rectangles of depth %d overlap: %+v %+v", depth, a, b)
				}
			}
		}
	}
	return slices.DeleteFunc(all, func(box box) bool { return box.Depth > 0 })
}

// inProportion holds that the first level has a rectangle for each value, the largest first, of an area that is in proportion.
func inProportion(t testing.TB, list []box, values []int64, names map[int64]string) {
	t.Helper()
	values = slices.DeleteFunc(slices.Clone(values), func(v int64) bool { return v == 0 })
	slices.SortFunc(values, func(a, b int64) int { return int(b - a) })
	if len(list) != len(values) {
		t.Fatalf("there are %d rectangles, want %d", len(list), len(values))
	}
	var sum, area float64
	for i, v := range values {
		sum, area = sum+float64(v), area+list[i].area()
	}
	for i, v := range values {
		if want := area * float64(v) / sum; math.Abs(list[i].area()-want) > 1+want/100 {
			t.Errorf("rectangle %d has %.1f square pixels, want %.1f: %+v", i, list[i].area(), want, list[i])
		}
		if name := names[v]; name != "" && !strings.HasPrefix(list[i].Name, name+", ") {
			t.Errorf("rectangle %d is named %q, want %q", i, list[i].Name, name)
		}
	}
}

// values are those of each resource, and the names of those that no other has the value of.
func values(report *usage.Report, value func(usage.Sizes) int64) (list []int64, names map[int64]string) {
	names = map[int64]string{}
	for _, r := range report.Resources {
		v, name := value(r.Sizes), r.Resource
		if r.Group != "" {
			name += "." + r.Group
		}
		if _, twice := names[v]; twice {
			name = ""
		}
		names[v] = name
		list = append(list, v)
	}
	return list, names
}

// drawn holds the map's first level against the report, by each size.
func drawn(t *testing.T, page string, report *usage.Report) {
	b := browse(t, page)
	for i, value := range []func(usage.Sizes) int64{
		func(s usage.Sizes) int64 { return s.Bytes },
		func(s usage.Sizes) int64 { return s.RecordBytes },
		func(s usage.Sizes) int64 { return s.Records },
		func(s usage.Sizes) int64 { return s.Keys },
	} {
		b.click(fmt.Sprintf(`input[name=size][value="%d"]`, i))
		list, names := values(report, value)
		inProportion(t, fits(t, b), list, names)
		if i == 0 { // the script writes sizes as the page does
			same := ask[[2]string](b, `[".whole .live dd", "#crumbs em"].map((s) => document.querySelector(s).textContent)`)
			if same[0] != same[1] {
				t.Errorf("%q is live, and the map is of %q", same[0], same[1])
			}
		}
	}
	if n := ask[int](b, `document.querySelectorAll(".box").length`); n < 500 {
		t.Errorf("only %d rectangles are drawn", n)
	}
	for _, paint := range []string{"old", "managed"} {
		b.click(`input[name=paint][value=` + paint + `]`)
		if n := ask[int](b, "heats()"); n < 3 {
			t.Errorf("by %s there are %d colours", paint, n)
		}
		b.picture(t, "by-"+paint)
	}
	b.quiet(page)
}

// drills opens what is in the map, by mouse and by keyboard, and goes back.
func drills(t *testing.T, page string, report *usage.Report) {
	b := browse(t, page)
	at := slices.IndexFunc(report.Resources, func(r usage.Resource) bool { return r.Resource == "configmaps" })
	var inNamespaces []int64
	for _, n := range report.Resources[at].Namespaces {
		inNamespaces = append(inNamespaces, n.RecordBytes)
	}
	top := fits(t, b)
	i := slices.IndexFunc(top, func(b box) bool { return strings.HasPrefix(b.Name, "configmaps, ") })
	where := ask[[2]float64](b, `(({ x, y }) => [x, y])(document.getElementById("map").getBoundingClientRect())`)
	x, y := where[0]+top[i].X+top[i].W/2, where[1]+top[i].Y+top[i].H/2
	b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x, y), settled)
	for _, of := range []string{`("#detail").textContent`, `(".hover").title`} {
		text := ask[string](b, "document.querySelector"+of)
		if !strings.HasPrefix(text, "configmaps › ") || !strings.Contains(text, " live · ") {
			t.Errorf("what is pointed at says %q", text)
		}
	}
	b.do(chromedp.MouseClickXY(x, y), settled)
	b.at(t, fmt.Sprintf("#%d", at), "all of etcd › configmaps")
	inProportion(t, fits(t, b), inNamespaces, nil)
	b.picture(t, "resource")

	ask[any](b, `document.querySelector(".box.top").focus()`)
	b.do(chromedp.KeyEvent(kb.Enter), settled)
	b.at(t, fmt.Sprintf("#%d.0", at), "all of etcd › configmaps › data-3")
	if list := fits(t, b); !strings.HasPrefix(list[0].Name, "large, ") || strings.Contains(list[0].Name, "opens") {
		t.Errorf("the first object is %q", list[0].Name)
	}
	b.picture(t, "namespace")
	b.do(chromedp.KeyEvent(kb.ArrowRight+kb.ArrowRight+kb.ArrowLeft), settled)
	if i := ask[int](b, "focused()"); i != 1 {
		t.Errorf("arrow keys lead to rectangle %d", i)
	}
	b.resize(1100, 900) // which leaves the focus where it is
	if i := ask[int](b, "focused()"); i != 1 {
		t.Errorf("in a window of another size, rectangle %d has the focus", i)
	}
	b.do(chromedp.KeyEvent(kb.Enter), settled) // an object does not open
	b.do(chromedp.KeyEvent(kb.Escape), settled)
	b.at(t, fmt.Sprintf("#%d", at), "all of etcd › configmaps")
	label := ask[string](b, `document.activeElement.getAttribute("aria-label")`)
	if !strings.HasPrefix(label, "data-3, ") {
		t.Errorf("after going up, %q has the focus", label)
	}
	b.click("#crumbs a")
	b.at(t, "#", "all of etcd")
	b.do(chromedp.NavigateBack(), settled)
	b.at(t, fmt.Sprintf("#%d", at), "all of etcd › configmaps")
	for _, nowhere := range []string{"#99999", "#x", "#-1", "#0.0.0.0.0.0", "#%"} {
		b.place(nowhere)
		fits(t, b)
	}
	b.forget("request file://" + page + "#") // each place is one to the browser, which has the page at hand
	b.quiet(page)
}

// at holds where in the map a tab is.
func (b *tab) at(t testing.TB, hash, crumbs string) {
	t.Helper()
	got := ask[[2]string](b, "place()")
	if got != [2]string{hash, crumbs} {
		t.Errorf("the map is at %q, want %q", got, [2]string{hash, crumbs})
	}
}

func searches(t *testing.T, page string) {
	b := browse(t, page)
	b.search("LARGE")
	found := ask[string](b, `document.querySelector("#results p").textContent`)
	dim := ask[[2]int](b, `[document.querySelectorAll(".top:not(.dim)").length, document.querySelectorAll(".hit").length]`)
	if !strings.HasPrefix(found, "1 found, ") || dim != [2]int{1, 1} {
		t.Errorf("a search says %q, and leaves %v bright", found, dim)
	}
	b.picture(t, "search")
	b.click("#results a")
	if here := ask[string](b, `document.querySelector("#crumbs .here").textContent`); here != "data-3" {
		t.Errorf("what was found leads to %q", here)
	}
	b.search("<img")
	if text := ask[string](b, `document.querySelector("#results li a").textContent`); !strings.HasSuffix(text, markup) {
		t.Errorf("a name with markup is found as %q", text)
	}
	if n := ask[int](b, `document.querySelectorAll("img").length`); n != 0 {
		t.Error("a name became markup")
	}
	b.search("nothing has this")
	if text := ask[string](b, `document.querySelector("#results").textContent`); !strings.HasPrefix(text, "0 found") {
		t.Errorf("of nothing, %q", text)
	}
}
