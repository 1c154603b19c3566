package rehost_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/kubeadm/rehost"
)

// Whatever stands in a manifest: an error of one line, or a Pod that can be read again, in which the next move finds nothing
// more to change.
func FuzzManifests(f *testing.F) {
	names, err := filepath.Glob("../testdata/*/*")
	if err != nil || len(names) == 0 {
		f.Fatal("no seeds")
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add(pod("command: [sh, -c, 'exec etcd --name \"cp-1\" --listen-peer-urls=https://[fd00::11]:2380']")[0].Data)
	from, to := oldHost, newHost
	from.Others, to.Others = []netip.Addr{netip.MustParseAddr("fd00::11")}, []netip.Addr{netip.MustParseAddr("fd00::7")}
	f.Fuzz(func(t *testing.T, text []byte) {
		files := []rehost.File{{Path: "pod.yaml", Data: text}}
		moved, err := rehost.Manifests(files, from, to)
		if err != nil {
			oneLine(t, err.Error())
			return
		}
		for _, c := range moved.Changes {
			oneLine(t, c.String())
		}
		for _, finding := range moved.Findings {
			oneLine(t, finding.String())
		}
		again, err := rehost.Manifests(moved.Files, from, to)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if len(again.Changes) > 0 {
			t.Errorf("the second time %v changes", again.Changes)
		}
		if string(again.Files[0].Data) != string(moved.Files[0].Data) {
			t.Errorf("it is written in another way the second time:\n%s\n%s", moved.Files[0].Data, again.Files[0].Data)
		}
		if _, err := rehost.HostOf(files); err != nil {
			oneLine(t, err.Error())
		}
		if _, err := rehost.Existing(files[0], pair); err != nil {
			oneLine(t, err.Error())
		}
	})
}

func oneLine(t *testing.T, text string) {
	t.Helper()
	if strings.ContainsAny(text, "\n\r\x1b") || len(text) > 4096 {
		t.Errorf("%d bytes: %q", len(text), text[:min(len(text), 500)])
	}
}

// Whatever the objects are: an error of one line, or plans whose commands have nothing in them that a shell or a program would
// take for something else.
func FuzzObjects(f *testing.F) {
	names, err := filepath.Glob("testdata/*/objects.yaml")
	if err != nil || len(names) == 0 {
		f.Fatal("no seeds")
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, "w-1", "empty")
	}
	f.Add([]byte("apiVersion: v1\nkind: Node"), "a\nb", "c\nd")
	plain := regexp.MustCompile(`^[A-Za-z0-9/\[<-][A-Za-z0-9 =.,:/@#\\^()*$<>\[\]_-]*$`)
	process := regexp.MustCompile(`^\^\(\[\^ \]\*/\)\?[a-z-]+\( \.\*\)\? --\?[a-z-]+\[= \][A-Za-z0-9/_.\\-]+\( \|\$\)$`)
	scripts := []string{untilEnded, untilUnlocked, untilDone}
	f.Fuzz(func(t *testing.T, text []byte, name, state string) {
		objects, err := rehost.ReadObjects(text)
		if err != nil {
			oneLine(t, err.Error())
			return
		}
		others := []rehost.Other{{Name: name, State: rehost.State(state)}}
		join, err := rehost.Join(objects, oldHost, newHost, others, []rehost.Member{{ID: 1, Name: name}}, now)
		plans := []*rehost.Plan{join}
		if err != nil {
			oneLine(t, err.Error())
			plans = nil
		}
		if init, err := rehost.Init(objects, oldHost, newHost, rehost.InitOptions{}); err != nil {
			oneLine(t, err.Error())
		} else {
			plans = append(plans, init)
		}
		for _, p := range plans {
			if _, err := json.Marshal(p); err != nil {
				t.Error(err)
			}
			for _, s := range p.Steps {
				oneLine(t, s.Do)
				for _, arg := range s.Command {
					if !plain.MatchString(arg) && !process.MatchString(arg) && !slices.Contains(scripts, arg) {
						t.Errorf("argument %q of %q", arg, s.Command)
					}
				}
			}
			for _, n := range p.Needs {
				oneLine(t, n.String())
			}
			for _, finding := range p.Findings {
				oneLine(t, finding.String())
			}
		}
	})
}
