package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// steps reports work: a line a step when it is done, with its figure and its time; and on a
// terminal what is under way. An error ends with its step, and main prints it.
type steps struct{ out io.Writer }

// do runs one step. What goes through wrap's writers is counted on the terminal meanwhile.
func (s steps) do(name string, step func(wrap func(io.Writer) io.Writer) (figure string, err error)) error {
	start := time.Now()
	wrap, end := watch(name)
	figure, err := step(wrap)
	end()
	if err != nil {
		return err
	}
	s.line(name, fmt.Sprintf("%s (%.1f s)", figure, time.Since(start).Seconds()))
	return nil
}

// watch shows on a terminal that a step is under way. The end takes it off the screen.
func watch(name string) (wrap func(io.Writer) io.Writer, end func()) {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return func(w io.Writer) io.Writer { return w }, func() {}
	}
	bar := progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetDescription(name),
		progressbar.OptionShowBytes(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish())
	_ = bar.RenderBlank() // a screen that can't be written to stops no backup
	return func(w io.Writer) io.Writer { return io.MultiWriter(w, bar) }, func() { _ = bar.Finish() }
}

func (s steps) line(name, text string) { fmt.Fprintf(s.out, "%-9s %s\n", name, text) }

// mib prints a size as people read it.
func mib(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	default:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
}

// count says a number of things: "1 file", "2 files".
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
