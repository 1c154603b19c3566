package treemap

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tab is a page in a browser of its own, and all that it has asked for or complained of.
type tab struct {
	testing.TB
	ctx context.Context

	mu   sync.Mutex
	said []string
}

// browse opens a file in a new Chromium, whose window is as wide as a small laptop's.
func browse(t testing.TB, path string) *tab {
	t.Helper()
	ctx, late := context.WithTimeout(context.Background(), 5*time.Minute) // the test's own has ended when this is cleaned up
	t.Cleanup(late)
	ctx, stop := chromedp.NewExecAllocator(ctx,
		chromedp.ExecPath("chromium"), chromedp.UserDataDir(filepath.Join(t.TempDir(), "profile")),
		chromedp.Flag("headless", true), chromedp.Flag("no-sandbox", true), chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true), chromedp.Flag("no-first-run", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("hide-scrollbars", true),
	)
	t.Cleanup(stop)
	ctx, _ = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("the browser does not end: %v", err)
		}
	})
	b := &tab{TB: t, ctx: ctx}
	must(t, chromedp.Listen(ctx, b.hear))
	b.resize(1280, 900)
	b.do(chromedp.Navigate("file://" + path))
	return b
}

// hear runs while the browser's messages are read.
func (b *tab) hear(event any) {
	said := ""
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		said = "request " + e.Request.URL
	case *runtime.EventConsoleAPICalled:
		said = fmt.Sprintf("console %s", e.Type)
	case *runtime.EventExceptionThrown:
		said = "exception " + e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			said += " " + e.ExceptionDetails.Exception.Description
		}
	case *log.EventEntryAdded:
		said = "log " + e.Entry.Text
	default:
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said = append(b.said, said)
}

// quiet holds that nothing was asked for but the page, and nothing complained of.
func (b *tab) quiet(path string) {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if want := []string{"request file://" + path}; !slices.Equal(b.said, want) {
		b.Errorf("the browser says %q, want %q", b.said, want)
	}
}

// forget drops what was said that begins with a text.
func (b *tab) forget(prefix string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said = slices.DeleteFunc(b.said, func(s string) bool { return strings.HasPrefix(s, prefix) })
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	must(b, chromedp.Do(b.ctx, actions...))
}

func (b *tab) resize(width, height int64) {
	b.Helper()
	b.do(chromedp.EmulateViewport(width, height), settled)
}

// media has the page be shown in a scheme of colours, or on paper.
func (b *tab) media(of emulation.SetEmulatedMediaParams) {
	b.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, of)
		return err
	}), settled)
}

func (b *tab) scheme(name string) {
	b.Helper()
	b.media(emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
}

// click clicks in the middle of the first element of a selector, as a mouse does.
func (b *tab) click(selector string) {
	b.Helper()
	at := ask[[2]float64](b, fmt.Sprintf("middle(%q)", selector))
	b.do(chromedp.MouseClickXY(at[0], at[1]), settled)
}

// search clears the search and types into it.
func (b *tab) search(text string) {
	b.Helper()
	b.click("#search")
	ask[any](b, `document.getElementById("search").select()`)
	b.do(chromedp.KeyEvent(text), settled)
}

// place opens a place of the map, as a link to it would.
func (b *tab) place(hash string) {
	b.Helper()
	ask[any](b, fmt.Sprintf("void (location.hash = %q)", hash))
	b.do(settled)
}

// settled waits until the page has been laid out and drawn: its own observers have run then.
var settled = func(ctx context.Context, t *chromedp.Target) (none chromedp.Void, err error) {
	const frames = `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`
	_, err = chromedp.Evaluate[bool](frames, chromedp.EvalAwaitPromise)(ctx, t)
	return none, err
}

// probes are functions that are asked in the page.
//
//go:embed testdata/probes.js
var probes string

// ask runs an expression in the page, with the probes at hand. It runs outside the page's own world of names and policy.
func ask[T any](b *tab, expression string) T {
	b.Helper()
	expression = "(() => {" + probes + "; return " + expression + "})()"
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	must(b, err)
	return value
}

// picture leaves a picture of the whole page with the test's artifacts.
func (b *tab) picture(t *testing.T, name string) {
	t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(t.ArtifactDir(), name+".png"), png, 0o600))
}
