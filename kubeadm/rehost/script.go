package rehost

import (
	"regexp"
	"strings"
)

// flagForm is a flag with its value in a script of a shell: plain, or in quotes within which the shell works nothing out.
var flagForm = regexp.MustCompile(`(--?[A-Za-z][A-Za-z0-9_-]*)(=|[ \t]+)(` +
	`'[^']*'|"[^"$` + "`" + `\\]*"|[^\s'"$` + "`" + `\\;|&()<>-][^\s'"$` + "`" + `\\;|&()<>]*)`)

// inScript calls change with each flag in a script, and puts in its place what change gives. Nothing else of the script is
// touched.
func inScript(script string, change func(flag, value string) string) string {
	var b strings.Builder
	last := 0
	for _, m := range flagForm.FindAllStringSubmatchIndex(script, -1) {
		if m[0] > 0 && !strings.ContainsRune(" \t\n", rune(script[m[0]-1])) {
			continue // in the middle of a word
		}
		quoted := script[m[6]:m[7]]
		quote, value := "", quoted
		if quoted[0] == '\'' || quoted[0] == '"' {
			quote, value = quoted[:1], quoted[1:len(quoted)-1]
		}
		if next := change(script[m[2]:m[3]], value); next != value {
			b.WriteString(script[last:m[6]] + quote + next + quote)
			last = m[7]
		}
	}
	b.WriteString(script[last:])
	return b.String()
}
