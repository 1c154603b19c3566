package usage

import "bytes"

// member finds the value of a member of a JSON object, without its white space around, and nil if there is none. What
// kube-apiserver stores has no escapes in the names that are looked for, and has "metadata" near its beginning: what is
// behind is not read.
func member(object []byte, name string) []byte {
	at := space(object, 0)
	if at >= len(object) || object[at] != '{' {
		return nil
	}
	for at++; ; at++ { // behind the brace or a comma
		start := space(object, at)
		end := text(object, start)
		colon := space(object, end)
		if end < 0 || colon >= len(object) || object[colon] != ':' {
			return nil
		}
		from := space(object, colon+1)
		if at = value(object, from); at < 0 {
			return nil
		}
		if string(object[start+1:end-1]) == name {
			return object[from:at]
		}
		if at = space(object, at); at >= len(object) || object[at] != ',' {
			return nil
		}
	}
}

// space gives where white space from at on ends, or the length of b.
func space(b []byte, at int) int {
	if at < 0 {
		return len(b)
	}
	for at < len(b) && (b[at] == ' ' || b[at] == '\n' || b[at] == '\t' || b[at] == '\r') {
		at++
	}
	return at
}

// text gives where the string that begins at at ends, or -1.
func text(b []byte, at int) int {
	if at >= len(b) || b[at] != '"' {
		return -1
	}
	for at++; at < len(b); at++ {
		n := bytes.IndexByte(b[at:], '"')
		if n < 0 {
			return -1
		}
		at += n
		escapes := 0
		for b[at-1-escapes] == '\\' { // the string's own beginning is none
			escapes++
		}
		if escapes%2 == 0 {
			return at + 1
		}
	}
	return -1
}

// value gives where the value that begins at at ends, or -1.
func value(b []byte, at int) int {
	if at >= len(b) {
		return -1
	}
	switch b[at] {
	case '"':
		return text(b, at)
	case '{', '[':
		return nested(b, at)
	default:
		n := bytes.IndexAny(b[at:], ",]} \n\t\r")
		if n <= 0 {
			return -1
		}
		return at + n
	}
}

// nested is value for an object or an array: brackets are counted, not told apart, without recursion that depth could exhaust.
func nested(b []byte, at int) int {
	for depth := 0; at < len(b); {
		switch b[at] {
		case '"':
			if at = text(b, at); at < 0 {
				return -1
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return at + 1
			}
		}
		at++
	}
	return -1
}
