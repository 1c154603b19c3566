package restore

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// journalText is a journal with a line of each kind.
func journalText(t testing.TB) []byte {
	t.Helper()
	_, node := newNode(t)
	path := filepath.Join(t.TempDir(), "j")
	j, err := createJournal(path, line{
		Version: journalVersion, Plan: New(node, noon, lone), State: began, Time: noon,
		Was: &was{Manifests: []string{"etcd.yaml"}, Etcd: true},
	})
	must(t, err)
	for _, l := range []line{
		{Step: stepStage, State: began},
		{Step: stepStage, State: noted, Made: []string{"etc/kubernetes/pki"},
			Files: []change{{Path: "etc/kubernetes/pki/ca.crt", Create: true}}},
		{Step: stepStage, State: done, Inodes: &inodes{New: 8},
			Staged: &Staged{Revision: 7, Keys: 3, ClusterID: "ab", ClusterUID: "u"}},
		{Step: stepControllers, State: noted, Leases: []string{controllerManager}},
		{State: undoing, Why: strings.Repeat("a reason that is longer than the next line", 9)},
	} {
		must(t, j.write(l))
	}
	must(t, j.close())
	text, err := os.ReadFile(path)
	must(t, err)
	return text
}

// Whatever is cut off of a journal, the lines before it are as they were.
func TestJournalOfEveryPrefix(t *testing.T) {
	text := journalText(t)
	for n := range len(text) + 1 {
		r, whole, err := parseJournal(text[:n])
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		lines := bytes.Count(text[:n], []byte("\n"))
		if len(r.lines) != lines || whole != bytes.LastIndexByte(text[:n], '\n')+1 || (r.plan == nil) != (lines == 0) {
			t.Fatalf("%d bytes: %d lines in %d bytes, want %d", n, len(r.lines), whole, lines)
		}
		if lines < 4 {
			continue
		}
		changes, made := r.begunFiles()
		if s := r.staged(); s == nil || s.Revision != 7 || len(changes) != 1 || len(made) != 1 {
			t.Fatalf("%d bytes: staged %+v, changes %v, made %v", n, s, changes, made)
		}
	}
}

// A torn line is cut off before another one is written.
func TestJournalGoesOnAfterATornLine(t *testing.T) {
	text := journalText(t)
	path := filepath.Join(t.TempDir(), "j")
	must(t, os.WriteFile(path, text[:len(text)-5], 0o600))
	j, err := openJournal(path)
	must(t, err)
	must(t, j.write(line{State: committed}))
	if _, err := openJournal(path); err == nil || !strings.Contains(err.Error(), "another process is at work") {
		t.Errorf("a second process gets the journal: %v", err)
	}
	must(t, j.close())
	if j, err = openJournal(path); err != nil || !j.finished() || j.is("", undoing) || len(j.lines) != 6 {
		t.Errorf("after a torn line: %v, %v", j, err)
	}
	must(t, j.close())
}

func TestJournalIsRefused(t *testing.T) {
	text := string(journalText(t))
	first, rest, _ := strings.Cut(text, "\n")
	for name, c := range map[string]struct{ text, says string }{
		"newer": {
			strings.Replace(text, `{"version":1,`, `{"version":2,`, 1), "line 1: it is of version 2, and this program knows 1",
		},
		"no version": {strings.Replace(text, `{"version":1,`, `{`, 1), "it does not say what is restored"},
		"no start":   {rest, "it does not say what is restored"},
		"two starts": {first + "\n" + text, "line 2: it begins a second restore"},
		"broken":     {first + "\n" + `{"step":` + "\n" + rest, "line 2: "},
		"name":       {strings.Replace(text, `"id":"2026`, `"id":"../2026`, 1), "is not the ID of a restore"},
		"manifest": {
			strings.ReplaceAll(text, `"etc/kubernetes/manifests/etcd.yaml"`, `"../../x/etcd.yaml"`),
			"the manifest ../../x/etcd.yaml is not in",
		},
		"change": {
			strings.Replace(text, `"path":"etc/kubernetes/pki/ca.crt"`, `"path":"../../ca.crt"`, 1),
			`line 3: "../../ca.crt" is not a path of the node`,
		},
		"directory": {
			strings.Replace(text, `"made":["etc/kubernetes/pki"]`, `"made":["/etc"]`, 1),
			`line 3: "/etc" is not a path of the node`,
		},
		"inodes":      {strings.Replace(text, `"new":8`, `"new":0`, 1), "line 4: it does not say by what the things are known"},
		"data":        {strings.ReplaceAll(text, `"value":"/var/lib/etcd"`, `"value":"/"`), "etcd's data directory is not known"},
		"data, local": {strings.ReplaceAll(text, `"value":"/var/lib/etcd"`, `"value":"etcd"`), "etcd's data directory is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.text == text {
				t.Fatal("nothing was changed")
			}
			r, _, err := parseJournal([]byte(c.text))
			if !errors.Is(err, ErrJournal) || !strings.Contains(fmt.Sprint(err), c.says) {
				t.Errorf("it is read as %v, with error %v, want %q", r, err, c.says)
			}
		})
	}
}

func FuzzJournal(f *testing.F) {
	text := journalText(f)
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, whole, err := parseJournal(text)
		if err != nil {
			if !errors.Is(err, ErrJournal) {
				t.Errorf("the error is %v", err)
			}
			return
		}
		if whole > len(text) || r.plan == nil && len(r.lines) > 0 {
			t.Fatalf("%d bytes of %d are read, with %d lines", whole, len(text), len(r.lines))
		}
		if r.plan != nil {
			_, _, _ = r.report(), r.plan.places("/"), r.plan.String()
		}
	})
}
