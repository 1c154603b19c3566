package restore

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// crash is what a process that dies leaves its test with.
type crash string

// crashing runs until the event of a number, and says which one that was. It is empty if there were not so many.
func crashing(at int, host Host, run func(Host) error) (event string, err error) {
	defer func() {
		switch c := recover().(type) {
		case nil:
		case crash:
			event = string(c)
		default:
			panic(c)
		}
	}()
	number := 0
	host.Changed = func(what string) {
		if number++; number == at {
			panic(crash(what))
		}
	}
	return "", run(host)
}

// closing ends the journal of a run, also one that has crashed, as the end of its process would.
func closing(t *testing.T, host Host, plan *Plan, at int) (event string, err error) {
	var m *machine
	event, err = crashing(at, host, func(h Host) error {
		var err error
		if m, err = begin(t.Context(), h, plan, newSource(t)); err != nil {
			return err
		}
		h.Changed("journal: began")
		for _, s := range m.forward()[:3] {
			if !m.is(s.name, done) {
				if err := m.do(t.Context(), s); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if m != nil {
		must(t, m.close())
	}
	return event, err
}

// Whenever a restore dies before etcd starts, going on gives the new files and going back the old ones, and nothing else. The
// line that it was at may be torn.
func TestCrashesUntilTheSwap(t *testing.T) {
	host := Host{Limit: 10 * time.Second, Now: func() time.Time { return noon }}
	for at := 1; ; at++ {
		for _, torn := range []bool{false, true} {
			for _, back := range []bool{false, true} {
				root, node := newNode(t)
				host.Root = root
				was := tree(t, root)
				plan := New(node, noon, lone)
				event, err := closing(t, host, plan, at)
				must(t, err)
				if event == "" {
					if at < 20 {
						t.Fatalf("a restore has only %d events", at)
					}
					return
				}
				if torn && !strings.HasPrefix(event, "journal") {
					continue
				}
				if torn {
					tear(t, root)
				}
				name := fmt.Sprintf("event %d, %s, torn %t, back %t", at, event, torn, back)
				if back {
					wentBack(t, name, host, was)
				} else {
					wentOn(t, name, host, plan)
				}
			}
		}
	}
}

// Where the old data is lost a restore that dies is taken back to that, and no more is lost.
func TestCrashesWithoutAnOldMember(t *testing.T) {
	host := Host{Limit: 10 * time.Second, Now: func() time.Time { return noon }}
	for at := 1; ; at++ {
		root, node := newNode(t)
		must(t, os.RemoveAll(filepath.Join(root, "var/lib/etcd/member")))
		host.Root = root
		was := tree(t, root)
		event, err := closing(t, host, New(node, noon, lone), at)
		must(t, err)
		if event == "" {
			return
		}
		wentBack(t, fmt.Sprintf("event %d, %s", at, event), host, was)
	}
}

func tear(t *testing.T, root string) {
	t.Helper()
	paths, err := journals(root, "/var/lib/etcd")
	must(t, err)
	data, err := os.ReadFile(paths[0])
	must(t, err)
	must(t, os.WriteFile(paths[0], data[:len(data)-2], 0o600))
}

// wentBack rolls back, and is killed in that at each event, too.
func wentBack(t *testing.T, name string, host Host, was map[string]string) {
	t.Helper()
	for at := 1; ; at++ {
		event, err := crashing(at, host, func(h Host) error {
			j, err := unfinished(h.Root, "/var/lib/etcd")
			if err != nil {
				return err
			}
			defer j.close()
			m := &machine{journal: j, at: j.plan.places(h.Root), host: h}
			return m.undo(t.Context(), "a test")
		})
		if errors.Is(err, ErrNone) {
			break // the first line was torn, or the crash came after the last one
		}
		must(t, err)
		if event == "" {
			break
		}
		if plan, err := Unfinished(host.Root, "/var/lib/etcd"); err == nil && at > 1 {
			if _, err := begin(t.Context(), host, plan, newSource(t)); !errors.Is(err, ErrRollingBack) {
				t.Errorf("%s: killed in the rollback at %s: it goes on with %v", name, event, err)
			}
		}
	}
	if now := tree(t, host.Root); !maps.Equal(was, now) {
		t.Errorf("%s: rolled back to\n%v, want\n%v", name, show(now), show(was))
	}
}

// wentOn resumes.
func wentOn(t *testing.T, name string, host Host, plan *Plan) {
	t.Helper()
	found, err := Unfinished(host.Root, "/var/lib/etcd")
	if errors.Is(err, ErrNone) {
		found, err = New(plan.Node, noon.Add(time.Second), lone), nil
	}
	must(t, err)
	host.Changed = func(string) {}
	_, err = closing(t, host, found, 0)
	must(t, err)
	now := tree(t, host.Root)
	beside := func(name, when string) string { return name + "." + when + "-" + found.ID }
	for file, want := range map[string]string{
		"var/lib/etcd/member/snap/db":                               "-rw------- new",
		"var/lib/etcd/.restore-" + found.ID + "/old/member/snap/db": "-rw------- old",
		"etc/kubernetes/pki/ca.crt":                                 "-rw------- new",
		beside("etc/kubernetes/pki/.ca.crt", "old"):                 "-rw------- old pki/ca.crt",
		beside("etc/kubernetes/pki/.ca.crt", "new"):                 "",
		"etc/kubernetes/pki/link":                                   "Lrwxrwxrwx ca.key",
		beside("etc/kubernetes/pki/.link", "old"):                   "Lrwxrwxrwx ca.crt",
		"etc/kubernetes/pki/made/deep/more":                         "-rw------- new",
		"etc/kubernetes/pki/ca.key":                                 "-rw------- old pki/ca.key",
		"etc/kubernetes/manifests/etcd.yaml":                        "",
		"etc/kubernetes/manifests/kube-apiserver.yaml":              "",
		beside("etc/kubernetes/.admin.conf", "old"):                 "",
		"var/lib/etcd/.restore-" + found.ID + "/new/member/snap/db": "",
	} {
		if now[file] != want {
			t.Errorf("%s: resumed, %s is %q, want %q", name, file, now[file], want)
		}
	}
	held := now["etc/kubernetes/.restore-"+found.ID+"/etcd.yaml"]
	if !strings.Contains(held, "--data-dir=") {
		t.Errorf("%s: the manifest that is held is %q", name, held)
	}
}

func show(tree map[string]string) string {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		fmt.Fprintf(&b, "%s: %.60q\n", name, tree[name])
	}
	return b.String()
}
