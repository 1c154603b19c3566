package main

import (
	"io"
	"os"

	"github.com/fatih/color"
)

// colours are those of the words that begin a line, so that an eye finds what is good and what is not.
var colours = map[string]color.Attribute{
	"good": color.FgGreen, "verified": color.FgGreen,

	"blocked": color.FgRed, "broken": color.FgRed, "differs": color.FgRed, "failed": color.FgRed, "fatal": color.FgRed,
	"lacking": color.FgRed, "lost": color.FgRed, "missing": color.FgRed, "refused": color.FgRed, "unchecked": color.FgRed,
	"unstored": color.FgRed,

	"act": color.FgYellow, "alarm": color.FgYellow, "awake": color.FgYellow, "blind": color.FgYellow, "conflict": color.FgYellow,
	"leftover": color.FgYellow, "look": color.FgYellow, "moved": color.FgYellow, "not reached": color.FgYellow,
	"note": color.FgYellow, "unsaved": color.FgYellow, "unverified": color.FgYellow, "waits": color.FgYellow,
	"warning": color.FgYellow,
}

// coloured gives a text the colour of a word on standard output, if that is a terminal which has not refused colours: by
// NO_COLOR (https://no-color.org) or TERM=dumb.
func coloured(out io.Writer, word, text string) string {
	colour, has := colours[word]
	if !has || out != io.Writer(os.Stdout) {
		return text
	}
	return color.New(colour).Sprint(text)
}
