package diff

import (
	"encoding/json"
	"regexp"
	"strconv"
)

// child is the path of a key of the map at path.
func child(path, key string) string {
	switch {
	case !plainKey.MatchString(key):
		return path + "[" + strconv.Quote(key) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// index is the path of an element of the list at path.
func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

var (
	plainKey   = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$-]*$`)
	plainValue = regexp.MustCompile(`^[^\x00-\x20"\\\[\]=,*\x7f-\x{10ffff}]+$`)
)

// quoted is the value of a key in a path, in quotes if it would not be plain without.
func quoted(text string) string {
	if plainValue.MatchString(text) {
		return text
	}
	return strconv.Quote(text)
}

// scalar gives the text of a string or number.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	}
	return "", false
}
