package rehost

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"unicode"
)

// Mentions looks through files of any kind, such as the configuration of a load balancer or the kubelet's flags, for the name
// and the addresses of a host, line by line. Addresses of IPv6 are found in each way of writing them.
func Mentions(files []File, of Host) []Finding {
	s := swap{from: of.plain()}
	var found []Finding
	for _, f := range files {
		number := 0
		for line := range strings.Lines(string(f.Data)) {
			number++
			for _, what := range s.mentioned(line) {
				found = append(found, Finding{f.Path, fmt.Sprintf("line %d", number), mention(what)})
			}
		}
	}
	return found
}

func mention(what string) string {
	return what + " is mentioned: see what it means there, and change it if that has moved"
}

// mentions finds all of a tree that still means the old host.
func (s swap) mentions(file string, tree map[string]any) (found []Finding) {
	walk(tree, "", func(field, text string) {
		for _, what := range s.mentioned(text) {
			found = append(found, Finding{file, field, mention(what)})
		}
	})
	return found
}

// walk visits all texts of a tree in the order of the fields, keys too. What has a name in a list goes by it.
func walk(v any, field string, visit func(field, text string)) {
	switch v := v.(type) {
	case string:
		visit(field, v)
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			next := strings.TrimPrefix(field+"."+clean(key), ".")
			visit(next+" (key)", key)
			walk(v[key], next, visit)
		}
	case []any:
		for i, item := range v {
			place := fmt.Sprintf("%s[%d]", field, i)
			if m, ok := item.(map[string]any); ok && textOf(m, "name") != "" {
				place = fmt.Sprintf("%s[%s]", field, clean(textOf(m, "name")))
			}
			if text, ok := item.(string); ok && strings.HasPrefix(text, "-") {
				flag, _, _ := strings.Cut(text, "=")
				place += " " + clean(flag)
			}
			walk(item, place, visit)
		}
	}
}

// clean makes a part of a file fit for a line: what is printed is short, and has no control characters.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
	if runes := []rune(text); len(runes) > 100 {
		return string(runes[:100]) + "..."
	}
	return text
}

// mentioned lists what of the old host a text has and the new host does not: the name, the addresses.
func (s swap) mentioned(text string) (found []string) {
	if name := s.from.Name; name != "" && name != s.to.Name {
		rest := strings.ToLower(text)
		if strings.Contains(s.to.Name, name) {
			rest = strings.ReplaceAll(rest, s.to.Name, "")
		}
		if hasWord(rest, name, isNameByte) {
			found = append(found, name)
		}
	}
	var written []netip.Addr
	for _, a := range append([]netip.Addr{s.from.Address}, s.from.Others...) {
		if !a.IsValid() || a == s.to.Address || slices.Contains(s.to.Others, a) {
			continue
		}
		if written == nil {
			written = addressesIn(text)
		}
		if slices.Contains(written, a) || a.Is4() && hasWord(text, a.String(), isDigit) {
			found = append(found, a.String())
		}
	}
	return found
}

// hasWord finds a word between bytes that could not go on with it.
func hasWord(text, word string, goesOn func(byte) bool) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			return false
		}
		start, end := at+i, at+i+len(word)
		if (start == 0 || !goesOn(text[start-1])) && (end == len(text) || !goesOn(text[end])) {
			return true
		}
		at = start + 1
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isNameByte(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'z' || c == '-' }

// addressesIn are the addresses of IPv6 in a text, however they are written: the longest runs of their characters that are
// some.
func addressesIn(text string) []netip.Addr {
	found := []netip.Addr{}
	isPart := func(r rune) bool { return strings.ContainsRune("0123456789abcdefABCDEF:.", r) }
	for _, run := range strings.FieldsFunc(text, func(r rune) bool { return !isPart(r) }) {
		if strings.Count(run, ":") < 2 || len(run) > 64 {
			continue
		}
		for _, try := range []string{run, strings.Trim(run, ".:"), strings.TrimPrefix(run, ":"), strings.TrimRight(run, ".:")} {
			if a, err := netip.ParseAddr(try); err == nil {
				found = append(found, a.Unmap())
			}
		}
	}
	return found
}
