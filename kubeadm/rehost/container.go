package rehost

import (
	"cmp"
	"slices"
	"strings"
)

// container is one of a manifest.
type container struct {
	name string
	tree map[string]any
}

func (d *document) containers() (all []*container) {
	spec := mapOf(d.tree, "spec")
	for _, item := range slices.Concat(listOf(spec, "initContainers"), listOf(spec, "containers")) {
		if tree, ok := item.(map[string]any); ok {
			all = append(all, &container{cmp.Or(textOf(tree, "name"), "(unnamed)"), tree})
		}
	}
	return all
}

// word is one of a command, in its place.
type word struct {
	list []any
	at   int
}

func (w word) String() string {
	s, _ := w.list[w.at].(string)
	return s
}

func (w word) set(text string) { w.list[w.at] = text }

// words are the command and its arguments. A container without a command runs that of its image, which is not known.
func (c *container) words() (all []word) {
	if len(listOf(c.tree, "command")) == 0 {
		return nil
	}
	for _, key := range []string{"command", "args"} {
		list := listOf(c.tree, key)
		for i := range list {
			all = append(all, word{list, i})
		}
	}
	return all
}

// program is the one of the control plane that it runs; empty if it runs none.
func (c *container) program() string {
	var argv []string
	for _, w := range c.words() {
		argv = append(argv, w.String())
	}
	return programOf(argv)
}

// flags calls change with each flag that has a value, and puts what it gives in its place. The forms are --flag=value, --flag
// value, with one dash too, and the same in a shell's script.
func (c *container) flags(change func(flag, value string) string) {
	words := c.words()
	if len(words) > 0 && isShell(words[0].String()) {
		for _, w := range words[1:] {
			w.set(inScript(w.String(), change))
		}
		return
	}
	for i := 1; i < len(words); i++ {
		flag, value, has := strings.Cut(words[i].String(), "=")
		switch {
		case !strings.HasPrefix(flag, "-"):
		case has:
			words[i].set(flag + "=" + change(flag, value))
		case i+1 < len(words) && !strings.HasPrefix(words[i+1].String(), "-"):
			i++
			words[i].set(change(flag, words[i].String()))
		}
	}
}

// value is what the program takes for a flag: the last one counts, and for etcd its variable if there is none.
func (c *container) value(name string) (found string) {
	program := c.program()
	given := false
	c.flags(func(flag, value string) string {
		if flagName(program, flag) == name {
			found, given = value, true
		}
		return value
	})
	if given || program != "etcd" {
		return found
	}
	for _, e := range c.env() {
		if textOf(e, "name") == variable(name) {
			found = textOf(e, "value")
		}
	}
	return found
}

func (c *container) env() (all []map[string]any) {
	for _, item := range listOf(c.tree, "env") {
		if e, ok := item.(map[string]any); ok {
			all = append(all, e)
		}
	}
	return all
}
