package proof

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/clustersnap/clustersnap/manifests"
)

const (
	// maxText bounds the text of the findings of one kind that are listed: a hostile etcd has any number of keys.
	maxText = 4 << 20
	// maxName bounds a name, a key or a sentence.
	maxName = 512
)

// ledger collects findings, in bounded memory.
type ledger struct {
	counts   map[Kind]int
	findings []Finding
	text     map[Kind]int    // the bytes of those that are listed
	alike    map[Finding]int // where in findings those are that stand for several
	unlisted int
}

func newLedger() *ledger {
	return &ledger{counts: map[Kind]int{}, text: map[Kind]int{}, alike: map[Finding]int{}}
}

// add lists one finding.
func (l *ledger) add(f Finding) {
	l.counts[f.Is]++
	l.list(f)
}

// tally counts a finding with all that say the same.
func (l *ledger) tally(f Finding) {
	l.counts[f.Is]++
	f = f.readable()
	if i, ok := l.alike[f]; ok {
		l.findings[i].Count++
		return
	}
	if l.list(f) {
		l.alike[f] = len(l.findings) - 1
		l.findings[len(l.findings)-1].Count = 1
	}
}

// list reports whether there was room.
func (l *ledger) list(f Finding) bool {
	f = f.readable()
	if l.text[f.Is] += f.size(); l.text[f.Is] > maxText {
		l.text[f.Is] = maxText // for good: what comes later and is short would make the list look whole
		l.unlisted++
		return false
	}
	l.findings = append(l.findings, f)
	return true
}

// sorted are the findings in the order of a proof.
func (l *ledger) sorted() []Finding {
	for i := range l.findings {
		if l.findings[i].Count == 1 {
			l.findings[i].Count = 0 // it stands for itself
		}
	}
	slices.SortStableFunc(l.findings, Finding.compare)
	return l.findings
}

func (f Finding) compare(other Finding) int {
	return cmp.Or(
		cmp.Compare(slices.Index(kinds[:], f.Is), slices.Index(kinds[:], other.Is)),
		f.Key.Compare(other.Key),
		strings.Compare(f.EtcdKey, other.EtcdKey),
		strings.Compare(f.Why, other.Why),
	)
}

// readable makes text of what may be anything.
func (f Finding) readable() Finding {
	for _, s := range f.strings() {
		*s = readable(*s)
	}
	return f
}

func (f *Finding) strings() []*string {
	return []*string{&f.Group, &f.Resource, &f.Namespace, &f.Name, &f.ObjectKind, &f.UID, &f.EtcdKey, &f.ResourceVersion, &f.Why}
}

// size is about what a finding takes as JSON.
func (f Finding) size() int {
	n := 200
	for _, s := range f.strings() {
		n += len(*s)
	}
	return n
}

// readable gives printable text as it is, and all else as Go would write it, cut to some length.
func readable(s string) string {
	cut := ""
	if len(s) > maxName {
		cut = fmt.Sprintf("... (%d bytes)", len(s))
		s = whole(s[:maxName])
	}
	for _, r := range s {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			quoted := strconv.QuoteToASCII(s)
			s = quoted[1 : len(quoted)-1]
			break
		}
	}
	return s + cut
}

// whole takes off what a cut has left of a character.
func whole(s string) string {
	for n := 1; n < utf8.UTFMax; n++ {
		if last := s[len(s)-n:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRuneInString(last) {
				return s[:len(s)-n]
			}
			break
		}
	}
	return s
}

// gr is a resource whatever its version.
type gr struct{ group, resource string }

func grOf(k manifests.Key) gr { return gr{k.Group, k.Resource} }

func (g gr) compare(other gr) int {
	return cmp.Or(cmp.Compare(g.group, other.group), cmp.Compare(g.resource, other.resource))
}
