package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/clustersnap/clustersnap/manifests"
)

// contextLines is how many lines are shown around a difference.
const contextLines = 3

// Unified writes a change as diff -u does: the canonical YAML of both sides, with three lines around what differs. After the
// names stand the places of the objects, if they are known. With a base there is one part for each side that has moved away
// from it. What can't be compared becomes a comment, as patch skips it.
func Unified(w io.Writer, c *Change) error {
	if c.What == Failed {
		_, err := fmt.Fprintf(w, "# %s: not compared: %s\n", gitQuoted(title(c.Key)), strconv.Quote(c.Why))
		return err
	}
	var texts [sides][]string
	for i, tree := range c.shown {
		text, err := render(c, tree)
		if err != nil {
			return fmt.Errorf("show %v: %w", c.Key, err)
		}
		texts[i] = text
	}
	var out bytes.Buffer
	switch c.By {
	case "":
		c.part(&out, texts, before, after)
	case Same, InA:
		c.part(&out, texts, base, before)
	case InB:
		c.part(&out, texts, base, after)
	default:
		c.part(&out, texts, base, before)
		c.part(&out, texts, base, after)
	}
	_, err := w.Write(out.Bytes())
	return err
}

// render gives the lines of an object, none if it is absent.
func render(c *Change, tree any) ([]string, error) {
	object, ok := tree.(map[string]any)
	if !ok {
		return nil, nil
	}
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	version := stringAt(object, "apiVersion")
	if group, v, ok := strings.Cut(version, "/"); ok && group == c.Group {
		version = v
	}
	// A status that is still there is the user's own.
	canonical, err := manifests.Canonical(text, manifests.Resource{
		Group: c.Group, Version: version, Resource: c.Resource, Kind: c.Kind, Namespaced: c.Namespace != "",
	}, manifests.Faithful)
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(canonical.YAML), "\n"), "\n"), nil
}

// part writes what leads from one side to another.
func (c *Change) part(out *bytes.Buffer, texts [sides][]string, from, to int) {
	header := func(mark string, side int) {
		name := "/dev/null"
		if texts[side] != nil {
			name = names[side] + "/" + title(c.Key)
		}
		if name = gitQuoted(name); [sides]string{before: c.PlaceA, after: c.PlaceB}[side] != "" {
			name += "\t" + gitQuoted([sides]string{before: c.PlaceA, after: c.PlaceB}[side])
		}
		fmt.Fprintf(out, "%s %s\n", mark, name)
	}
	header("---", from)
	header("+++", to)
	writeHunks(out, texts[from], texts[to])
}

// title is an object as the path of a file.
func title(key manifests.Key) string {
	resource := key.Resource
	if key.Group != "" {
		resource += "." + key.Group
	}
	if key.Namespace != "" {
		return "namespaces/" + key.Namespace + "/" + resource + "/" + key.Name
	}
	return "cluster/" + resource + "/" + key.Name
}

// gitQuoted puts a name in quotes that a terminal or a reader of the diff would take for something else.
func gitQuoted(name string) string {
	if quoted := strconv.QuoteToASCII(name); quoted[1:len(quoted)-1] != name {
		return quoted
	}
	return name
}
