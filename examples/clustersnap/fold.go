package main

import (
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
)

// columns are those of the terminal that is written to, 0 if it is none: what reads lines wants them whole.
func columns(out io.Writer) int {
	if out != io.Writer(os.Stdout) {
		return 0
	}
	width, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// folded breaks a line between words where a terminal of so many columns would break it anywhere. What follows begins below
// the text, at a column of its own. A number stays with what it counts.
func folded(line string, indent, columns int) string {
	const least = 40 // in fewer there is nothing to be kept in shape
	if columns < least {
		return line
	}
	rest, room := []rune(line), columns
	var b strings.Builder
	for len(rest) > room {
		at := breakOf(rest, indent, room)
		if at < 0 {
			break
		}
		b.WriteString(strings.TrimRight(string(rest[:at]), " ") + "\n")
		rest = append([]rune(strings.Repeat(" ", indent)), []rune(strings.TrimLeft(string(rest[at:]), " "))...)
	}
	return b.String() + string(rest)
}

// breakOf is the last space in the room that a line can be broken at, or the first one beyond it where a word is longer.
func breakOf(line []rune, indent, room int) int {
	at := -1
	for i := indent + 1; i < len(line); i++ {
		if line[i] != ' ' || unicode.IsDigit(line[i-1]) || line[i-1] == ' ' {
			continue
		}
		if i > room && at >= 0 {
			return at
		}
		if at = i; i >= room {
			return at
		}
	}
	return at
}
