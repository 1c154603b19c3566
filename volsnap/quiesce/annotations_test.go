package quiesce

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"
)

const prefix = "pre.hook.backup.velero.io/"

func TestAnnotations(t *testing.T) {
	sync := func(change func(*Command)) *Command {
		c := &Command{Args: []string{"sync"}, Timeout: 30 * time.Second}
		change(c)
		return c
	}
	none := func(*Command) {}
	for name, test := range map[string]struct {
		annotations map[string]string
		pre, post   *Command
	}{
		"nothing": {nil, nil, nil},
		"others":  {map[string]string{"hook.restore.velero.io/x": "y", "a": "b"}, nil, nil},
		"a program": {
			map[string]string{"pre.hook.backup.velero.io/command": "sync"}, sync(none), nil,
		},
		"a list": {
			map[string]string{"post.hook.backup.velero.io/command": `["sh", "-c", "echo \"a b\" ''"]`},
			nil, &Command{Args: []string{"sh", "-c", `echo "a b" ''`}, Timeout: 30 * time.Second},
		},
		"both, with all": {
			map[string]string{
				"pre.hook.backup.velero.io/command":    "sync",
				"pre.hook.backup.velero.io/container":  "db",
				"pre.hook.backup.velero.io/on-error":   "Continue",
				"pre.hook.backup.velero.io/timeout":    "90s",
				"post.hook.backup.velero.io/command":   "sync",
				"post.hook.backup.velero.io/container": "other",
				"post.hook.backup.velero.io/on-error":  "Fail",
				"post.hook.backup.velero.io/timeout":   "1h",
			},
			sync(func(c *Command) { c.Container, c.Continue, c.Timeout = "db", true, 90*time.Second }),
			sync(func(c *Command) { c.Container, c.Timeout = "other", time.Hour }),
		},
		"without a phase": {
			map[string]string{"hook.backup.velero.io/command": "sync", "hook.backup.velero.io/timeout": "1m"},
			sync(func(c *Command) { c.Timeout = time.Minute }), nil,
		},
		"with and without a phase": {
			map[string]string{"hook.backup.velero.io/command": "old", "pre.hook.backup.velero.io/command": "sync"},
			sync(none), nil,
		},
		"empty ones": {
			map[string]string{
				"pre.hook.backup.velero.io/command": "sync", "pre.hook.backup.velero.io/container": "",
				"pre.hook.backup.velero.io/on-error": "", "pre.hook.backup.velero.io/timeout": "",
			}, sync(none), nil,
		},
		"no time is the default": {
			map[string]string{"pre.hook.backup.velero.io/command": "sync", "pre.hook.backup.velero.io/timeout": "0s"},
			sync(none), nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			pre, post, err := Annotations(test.annotations)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(pre, test.pre) || !reflect.DeepEqual(post, test.post) {
				t.Errorf("got %+v and %+v, want %+v and %+v", pre, post, test.pre, test.post)
			}
		})
	}
}

func TestAnnotationsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		annotations map[string]string // below the prefix of a pre hook
		want        string
	}{
		"no command":             {map[string]string{"timeout": "1s"}, "no command that it is for"},
		"an empty command":       {map[string]string{"command": ""}, "names no program"},
		"an empty list":          {map[string]string{"command": "[]"}, "names no program"},
		"an empty program":       {map[string]string{"command": `["", "a"]`}, "names no program"},
		"a list that ends early": {map[string]string{"command": `["sync"`}, "array of strings"},
		"more than a list":       {map[string]string{"command": `["sync"] ; ls`}, "array of strings"},
		"a list of numbers":      {map[string]string{"command": `["sleep", 5]`}, "array of strings"},
		"null in a list":         {map[string]string{"command": `["sleep", null]`}, "array of strings"},
		"arguments without list": {map[string]string{"command": "fsfreeze -f /data"}, "no shell splits the command"},
		"a list after a space":   {map[string]string{"command": ` ["sync"]`}, "no shell splits the command"},
		"NUL":                    {map[string]string{"command": `["sync", "\u0000"]`}, "NUL"},
		"long":                   {map[string]string{"command": strings.Repeat("x", maxCommand+1)}, "at most 65536 bytes"},
		"another word":           {map[string]string{"command": "sync", "on-error": "continue"}, "Fail or Continue"},
		"no time":                {map[string]string{"command": "sync", "timeout": "30"}, "30s or 2m"},
		"a negative time":        {map[string]string{"command": "sync", "timeout": "-1s"}, "at most 1h0m0s"},
		"a long time":            {map[string]string{"command": "sync", "timeout": "61m"}, "at most 1h0m0s"},
		"another key":            {map[string]string{"command": "sync", "onError": "Fail"}, "one of container, command"},
	} {
		for _, at := range []string{"hook.backup.velero.io/", prefix, "post.hook.backup.velero.io/"} {
			t.Run(name+" "+at, func(t *testing.T) {
				annotations := map[string]string{}
				for key, value := range test.annotations {
					annotations[at+key] = value
				}
				_, _, err := Annotations(annotations)
				if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), at) {
					t.Errorf("got %v, want something with %q", err, test.want)
				}
			})
		}
	}
}

// TestAnnotationsKeepSecrets has a password in each kind of broken command.
func TestAnnotationsKeepSecrets(t *testing.T) {
	for _, command := range []string{
		"mysql -phunter2", `["mysql", "-phunter2"`, `["mysql", "-phunter2", 1]`, `["", "hunter2"]`, `["hunter2\u0000"]`,
	} {
		_, _, err := Annotations(map[string]string{prefix + "command": command})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("of %q: got %v, want an error without the password", command, err)
		}
	}
}

func FuzzAnnotations(f *testing.F) {
	for _, seed := range [][4]string{
		{"sync", "", "", ""}, {`["sh", "-c", "a"]`, "db", "Fail", "30s"}, {"[", "x", "Continue", "1h"}, {"", "", "", "-5m"},
		{`["\ud800"]`, "\x00", "fail", "1e9h"}, {"[null]", "", "", "0"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, command, container, onError, timeout string) {
		annotations := map[string]string{
			prefix + "command": command, prefix + "container": container, prefix + "on-error": onError, prefix + "timeout": timeout,
		}
		before := maps.Clone(annotations)
		pre, post, err := Annotations(annotations)
		if !maps.Equal(annotations, before) {
			t.Fatal("the annotations are others now")
		}
		if err != nil {
			if len(err.Error()) > 1000 {
				t.Fatalf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		if pre == nil || post != nil || checkCommand(pre.Args) != nil || pre.Timeout <= 0 || pre.Timeout > maxTimeout {
			t.Fatalf("got %+v and %+v", pre, post)
		}
		if pre.Container != container || pre.Continue != (onError == "Continue") {
			t.Fatalf("got %+v", pre)
		}
		// What was read and is written as a list means the same.
		list, err := json.Marshal(pre.Args)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseCommand(string(list))
		if len(list) <= maxCommand && (err != nil || !reflect.DeepEqual(again, valid(pre.Args))) {
			t.Fatalf("%q becomes %q: %v", pre.Args, again, err)
		}
	})
}

// valid is what JSON makes of strings that are no UTF-8: a mark for each bad byte.
func valid(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string([]rune(s))
	}
	return out
}
