package aftermath

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// How many findings of one kind the text has. All are in JSON.
const (
	perKind     = 10 // of those to act on
	perKindLook = 3
)

// WriteText writes a report for people to read: what is to be acted on, kind by kind, at most ten findings of each and the
// number of the others, and then what is to be looked at, at most three of each kind. Names and sentences can do a terminal no
// harm, whoever chose them.
func (r *Report) WriteText(w io.Writer) error {
	var text strings.Builder
	act, look, onNodes := r.split()
	fmt.Fprintf(&text, "etcd: %s\n", r.revision())
	fmt.Fprintf(&text, "nodes %d, pods %d; findings: %d to act on, %d to look at\n", r.Nodes, r.Pods, len(act), len(look))
	if onNodes > 0 {
		fmt.Fprintf(&text, "no backup holds what pods keep on their nodes; such places that are known: %d\n", onNodes)
	}
	for _, l := range r.Leaders {
		fmt.Fprintf(&text, "leader %s\n", plain(l.String(), maxText))
	}
	writeKinds(&text, "", act, perKind)
	writeKinds(&text, "To look at: ", look, perKindLook)
	if _, err := io.WriteString(w, text.String()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// split parts what is to be acted on from what is to be looked at, and counts the data of pods on nodes.
func (r *Report) split() (act, look []Finding, onNodes int) {
	for _, f := range r.Findings {
		if f.Severity == Act {
			act = append(act, f)
		} else {
			look = append(look, f)
		}
		if f.Kind == LocalData {
			onNodes++
		}
	}
	return act, look, onNodes
}

func (r *Report) revision() string {
	switch {
	case r.Revision == 0:
		return "its revision is not known"
	case r.Before == 0:
		return fmt.Sprintf("revision %d; the last one before the restore was not given", r.Revision)
	case r.Revision > r.Before:
		return fmt.Sprintf("revision %d, %d above the last one before the restore", r.Revision, r.Revision-r.Before)
	default:
		return fmt.Sprintf("revision %d, not above the last one before the restore, %d", r.Revision, r.Before)
	}
}

// String is a leader as in "kube-scheduler: cp1_8f2, renewed at 2026-11-26T04:00:00Z".
func (l Leader) String() string {
	holder, state := l.Holder, "renewed at "
	if holder == "" {
		holder = "nobody"
	}
	if l.Expired {
		state = "expired, last renewed at "
	}
	if l.Renewed.IsZero() {
		return fmt.Sprintf("%s: %s, never renewed", l.Name, holder)
	}
	return fmt.Sprintf("%s: %s, %s%s", l.Name, holder, state, l.Renewed.UTC().Format(time.RFC3339))
}

// writeKinds writes findings kind by kind.
func writeKinds(w io.Writer, prefix string, rest []Finding, most int) {
	for len(rest) > 0 {
		end := 1
		for end < len(rest) && rest[end].Kind == rest[0].Kind {
			end++
		}
		writeKind(w, prefix, rest[:end], most)
		rest = rest[end:]
	}
}

// writeKind writes findings of one kind. What is to be done stands once for those that follow each other.
func writeKind(w io.Writer, prefix string, all []Finding, most int) {
	title := string(all[0].Kind)
	if place := all[0].Kind.place(); place < len(kinds) {
		title = kinds[place].title
	}
	fmt.Fprintf(w, "\n%s%s: %d (%s)\n", prefix, plain(title, maxText), len(all), plain(string(all[0].Kind), maxText))
	shown := all[:min(len(all), most)]
	for i, f := range shown {
		fmt.Fprintf(w, "  %s: %s\n", plain(f.Object.String(), maxText), plain(f.What, maxText))
		if i+1 == len(shown) || shown[i+1].Next != f.Next {
			fmt.Fprintf(w, "    -> %s\n", plain(f.Next, maxText))
		}
	}
	if more := len(all) - len(shown); more > 0 {
		fmt.Fprintf(w, "  and %d more, which are in the JSON\n", more)
	}
}

// maxText is how long a name or a sentence gets on a line, in bytes.
const maxText = 900

// plain is a text that can stand on a line of a terminal: what can't be seen becomes a question mark, and it ends after so many
// bytes.
func plain(s string, most int) string {
	s = s[:min(len(s), 4*most)]
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if len(s) <= most {
		return s
	}
	end := most
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "..."
}

// some names a few of many.
func some(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// objectAt is one of namespace/name.
func objectAt(kind, at string) Object {
	namespace, name, _ := strings.Cut(at, "/")
	return Object{Kind: kind, Namespace: namespace, Name: name}
}
