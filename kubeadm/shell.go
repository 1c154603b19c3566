package kubeadm

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// A shell that starts a program hides its flags in a script. The script is read, never run: what stands there as plain words can be
// known, and what a shell would work out can't.

// shells are the programs whose -c takes a script.
var shells = []string{"sh", "ash", "bash", "dash"}

// script returns what a shell is told to run.
func script(argv []string) (text string, ok bool) {
	if len(argv) == 0 || !slices.Contains(shells, path.Base(argv[0])) {
		return "", false
	}
	for i := 1; i < len(argv); i++ {
		arg := argv[i]
		short := strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "--")
		switch {
		case short && strings.Contains(arg, "c") && i+1 < len(argv):
			return argv[i+1], true
		case short && strings.HasSuffix(arg, "o"):
			i++ // -o pipefail
		case !strings.HasPrefix(arg, "-"):
			return "", false // a file with the script
		}
	}
	return "", false
}

// word is one of a command. Dynamic is what only a shell can know: $NAME, `...`, a pattern.
type word struct {
	text    string
	dynamic bool
}

// commands splits a script into simple commands (POSIX shell, section 2.3 and 2.9.1): at operators and line ends. Redirections
// are left out.
func commands(script string) [][]word {
	l := lexer{rest: script}
	var list [][]word
	var command []word
	for {
		w, end, ok := l.next()
		if w != nil {
			command = append(command, *w)
		}
		if (end || !ok) && len(command) > 0 {
			list, command = append(list, command), nil
		}
		if !ok {
			return list
		}
	}
}

type lexer struct{ rest string }

const (
	blanks    = " \t\r"
	operators = ";&|()\n"
)

// next gives a word, or says that a command ends. Ok is false at the end.
func (l *lexer) next() (w *word, end, ok bool) {
	for l.rest = strings.TrimLeft(l.rest, blanks); strings.HasPrefix(l.rest, "\\\n"); {
		l.rest = strings.TrimLeft(l.rest[2:], blanks) // the command goes on
	}
	switch {
	case l.rest == "":
		return nil, false, false
	case l.rest[0] == '#':
		_, l.rest, _ = strings.Cut(l.rest, "\n")
		return nil, true, true
	case strings.ContainsRune(operators, rune(l.rest[0])):
		l.rest = l.rest[1:]
		return nil, true, true
	}
	read := l.word()
	// 2>&1, >>FILE: the number before belongs to it, and so does what follows.
	if l.rest != "" && (l.rest[0] == '<' || l.rest[0] == '>') {
		l.rest = strings.TrimLeft(strings.TrimLeft(l.rest, "<>&|"), blanks)
		l.word()
		if !isNumber(read.text) && read.text != "" {
			return &read, false, true
		}
		return nil, false, true
	}
	return &read, false, true
}

func isNumber(s string) bool { return strings.Trim(s, "0123456789") == "" }

// word reads to a blank or an operator that is not quoted.
func (l *lexer) word() word {
	var w word
	for l.rest != "" {
		c := l.rest[0]
		switch {
		case strings.IndexByte(blanks+operators+"<>", c) >= 0:
			return w
		case c == '\'':
			var inside string
			inside, l.rest, _ = strings.Cut(l.rest[1:], "'")
			w.text += inside
		case c == '"':
			l.doubleQuoted(&w)
		case c == '\\' && len(l.rest) > 1:
			if l.rest[1] != '\n' {
				w.text += l.rest[1:2]
			}
			l.rest = l.rest[2:]
		default:
			// No file has a name that --flag=* would match, so that stays what it is.
			pattern := strings.IndexByte("*?[", c) >= 0 && !strings.HasPrefix(w.text, "-")
			w.dynamic = w.dynamic || c == '$' || c == '`' || pattern
			w.text, l.rest = w.text+l.rest[:1], l.rest[1:]
		}
	}
	return w
}

func (l *lexer) doubleQuoted(w *word) {
	l.rest = l.rest[1:]
	for l.rest != "" && l.rest[0] != '"' {
		switch {
		case l.rest[0] == '\\' && len(l.rest) > 1 && strings.IndexByte("$`\"\\\n", l.rest[1]) >= 0:
			w.text, l.rest = w.text+strings.Trim(l.rest[1:2], "\n"), l.rest[2:]
		default:
			w.dynamic = w.dynamic || l.rest[0] == '$' || l.rest[0] == '`'
			w.text, l.rest = w.text+l.rest[:1], l.rest[1:]
		}
	}
	l.rest = strings.TrimPrefix(l.rest, `"`)
}

// assignment stands before a command, for its environment, or alone.
var assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)

// opaque are what a script can do that its words do not tell: run other files, and text.
var opaque = []string{".", "source", "eval"}

// inScript finds the one command of a script that is a program, and gives its arguments. Found is how many there are. Dynamic are
// arguments that only the shell can know, and an environment that the script may change for a program that reads it.
func inScript(script, name string) (args []string, dynamic bool, found int) {
	unknown := strings.Contains(script, "<<") // a text that is no commands
	for _, command := range commands(script) {
		prefix := envPrefix(name)
		for len(command) > 0 && (slices.Contains(before, command[0].text) || assignment.MatchString(command[0].text)) {
			unknown = unknown || prefix != "" && strings.HasPrefix(command[0].text, prefix)
			command = command[1:]
		}
		if len(command) == 0 {
			continue
		}
		unknown = unknown || slices.Contains(opaque, command[0].text)
		if path.Base(command[0].text) != name {
			continue
		}
		found++
		args, dynamic = nil, command[0].dynamic
		for _, w := range command[1:] {
			args, dynamic = append(args, w.text), dynamic || w.dynamic
		}
	}
	return args, found > 0 && (dynamic || unknown), found
}

// before are the words that a command can stand after, and still be that command.
var before = []string{"exec", "export", "env", "then", "else", "do", "{", "!"}
