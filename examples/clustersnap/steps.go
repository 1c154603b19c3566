package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// steps reports work: a line a step when it is done, with its figure and its time; and on a
// terminal what is under way. An error ends with its step, and main prints it.
type steps struct{ out io.Writer }

// do runs one step. What it says of its progress is shown on the terminal meanwhile.
func (s steps) do(name string, step func(progress) (figure string, err error)) error {
	start := time.Now()
	p := watch(name)
	figure, err := step(p)
	p.end()
	if err != nil {
		return err
	}
	s.line(name, fmt.Sprintf("%s (%.1f s)", figure, time.Since(start).Seconds()))
	return nil
}

// progress shows bytes on a terminal, and nothing elsewhere.
type progress struct{ bar *progressbar.ProgressBar }

func watch(name string) progress {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return progress{}
	}
	bar := progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetDescription(name),
		progressbar.OptionShowBytes(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish())
	_ = bar.RenderBlank() // a screen that can't be written to stops no backup
	return progress{bar}
}

// wrap counts what is written to w.
func (p progress) wrap(w io.Writer) io.Writer {
	if p.bar == nil {
		return w
	}
	return io.MultiWriter(w, p.bar)
}

// reader counts what is read from r, which is itself where nothing is shown: a file may be more than a stream to who reads it.
func (p progress) reader(r io.Reader) io.Reader {
	if p.bar == nil {
		return r
	}
	return io.TeeReader(r, p.bar)
}

// at says how many bytes there are.
func (p progress) at(n int64) {
	if p.bar != nil {
		_ = p.bar.Set64(n)
	}
}

// end takes it off the screen.
func (p progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

// line writes a word, and a text in the column beside it.
func (s steps) line(name, text string) { s.write(name, text, columns(s.out)) }

// copied is a line with a command for people to copy from a terminal, which is not broken.
func (s steps) copied(name, text string) { s.write(name, text, 0) }

func (s steps) write(name, text string, columns int) {
	word := fmt.Sprintf("%-9s", name)
	line := folded(word+" "+oneLine(text), 10, columns)
	fmt.Fprintln(s.out, coloured(s.out, name, word)+strings.TrimPrefix(line, word))
}

// text writes a line that is more than a word and a text, as it is: what is broken off goes a bit to the right of its begin.
func (s steps) text(line string) {
	indent := len(line) - len(strings.TrimLeft(line, " "))
	fmt.Fprintln(s.out, folded(printable(line), indent+2, columns(s.out)))
}

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
