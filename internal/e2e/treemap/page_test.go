package treemap

import (
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/manifests/storage/usage"
)

func TestCluster(t *testing.T) {
	path := filled(t)
	report := reported(t, "-n", "300", path)
	t.Run("content", func(t *testing.T) { sameAsContent(t, path, report) })
	t.Run("objects", func(t *testing.T) { findsThem(t, report) })
	t.Run("tables", func(t *testing.T) { tables(t, path) })
	page := filepath.Join(t.TempDir(), "etcd.html")
	t.Run("file", func(t *testing.T) { writes(t, path, page) })
	t.Run("map", func(t *testing.T) { drawn(t, page, report) })
	t.Run("drill down", func(t *testing.T) { drills(t, page, report) })
	t.Run("search", func(t *testing.T) { searches(t, page) })
	t.Run("legible", func(t *testing.T) { legible(t, page) })
	t.Run("print", func(t *testing.T) { prints(t, page, report) })
	t.Run("policy", func(t *testing.T) { forbids(t, page) })
}

// writes holds that the page is a new file for its owner alone.
func writes(t *testing.T, path, page string) {
	command.Good(t, command.Run(t, "", "etcd", "top", "--html", page, path))
	info, err := os.Stat(page)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the page has mode %o", info.Mode().Perm())
	}
	before, err := os.ReadFile(page)
	must(t, err)
	if strings.Contains(string(before), "<img") {
		t.Error("a name is markup in the page")
	}
	command.Bad(t, command.Run(t, "", "etcd", "top", "--html", page, path), 1, page, "exists")
	again := filepath.Join(t.TempDir(), "again.html")
	command.Good(t, command.Run(t, "", "etcd", "top", "--html", again, path))
	after, err := os.ReadFile(again)
	must(t, err)
	if string(before) != string(after) {
		t.Error("two pages of one snapshot differ")
	}
}

// legible holds that text is inside of what it belongs to and can be read, in each scheme and width.
func legible(t *testing.T, page string) {
	b := browse(t, page)
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		for _, width := range []int64{1280, 800, 400} {
			b.resize(width, 900)
			for _, place := range []string{"#", "#0", "#0.0"} {
				b.place(place)
				name := fmt.Sprintf("%s, %d pixels, %s", scheme, width, place)
				if list := ask[[]string](b, "collisions()"); len(list) > 0 {
					t.Errorf("%s: labels collide: %q", name, list[:min(5, len(list))])
				}
				list := ask[[]string](b, "overflowing()")
				if len(list) > 0 && (width >= 800 || strings.HasPrefix(list[0], "BODY")) {
					t.Errorf("%s: wider than there is room: %q", name, list)
				}
				worst := ask[[]struct {
					Text  string
					Ratio float64
				}](b, "contrasts()")[0]
				if worst.Ratio < 4.5 {
					t.Errorf("%s: a contrast of %.1f: %s", name, worst.Ratio, worst.Text)
				}
			}
			b.place("#")
			b.picture(t, fmt.Sprintf("%s-%d", scheme, width))
		}
	}
}

// prints holds that the map fits paper, which has another size than the window and no frames to draw it anew in, and
// that what can be clicked stays away.
func prints(t *testing.T, page string, report *usage.Report) {
	b := browse(t, page)
	paper := ask[sheet](b, `(() => {
		dispatchEvent(new Event("beforeprint"));
		Object.assign(document.getElementById("map").style, { width: "700px", height: "400px" });
		return sheet();
	})()`)
	if paper.Size != [2]float64{700, 400} {
		t.Errorf("the map is %v on paper", paper.Size)
	}
	list, names := values(report, func(s usage.Sizes) int64 { return s.RecordBytes })
	inProportion(t, paper.fits(t), list, names)
	b.media(emulation.SetEmulatedMediaParams{Media: "print"})
	if ask[bool](b, `document.getElementById("search").checkVisibility()`) {
		t.Error("there is a search on paper")
	}
	b.picture(t, "print")
}

// forbids holds that the page's policy lets nothing out, whatever gets in.
func forbids(t *testing.T, page string) {
	b := browse(t, page)
	asked := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		if err := png.Encode(w, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	if directive := ask[string](b, fmt.Sprintf("refused(%q)", server.URL+"/picture")); directive != "img-src" {
		t.Errorf("the policy says %q", directive)
	}
	select {
	case path := <-asked:
		t.Errorf("%s was asked for", path)
	default:
	}
	if ask[bool](b, "runs()") {
		t.Error("a script ran that was not in the page")
	}
}
