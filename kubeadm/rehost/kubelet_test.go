package rehost_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/kubeadm/rehost"
)

func TestKubeletFlags(t *testing.T) {
	from, to := oldHost, newHost
	from.Others, to.Others = []netip.Addr{netip.MustParseAddr("fd00::11")}, []netip.Addr{netip.MustParseAddr("fd00::7")}
	for name, tt := range map[string]struct {
		hostname, args, want string
		changes              int
	}{
		"a node of the machine's name": {"cp-new", "--v=2 --node-ip=10.0.0.11", "--v=2 --node-ip=10.0.9.7", 1},
		"one of another name":          {"vm7", "--v=2", "--v=2 --hostname-override=cp-new", 1},
		"one that had another name":    {"CP-new ", "--hostname-override=cp-1 --v=2", "--v=2", 1},
		"one that has and had another": {"vm7", "--hostname-override=cp-1", "--hostname-override=cp-new", 1},
		"two families":                 {"cp-new", "--node-ip=10.0.0.11,FD00:0::11", "--node-ip=10.0.9.7,fd00::7", 1},
		"an address that is elsewhere": {"cp-new", "--node-ip=10.0.0.12", "--node-ip=10.0.0.12", 0},
		"nothing":                      {"cp-new", "", "", 0},
		"what people have added to it": {"cp-new", "--cloud-provider=external  --node-labels=a=cp-1",
			"--cloud-provider=external --node-labels=a=cp-1", 0},
	} {
		text := "# own\nOTHER=1\nKUBELET_KUBEADM_ARGS=\"" + tt.args + "\"\n"
		got, changes, err := rehost.KubeletFlags(rehost.File{Path: "flags", Data: []byte(text)}, from, to, tt.hostname)
		want := strings.Replace(text, `"`+tt.args+`"`, `"`+tt.want+`"`, 1)
		if err != nil || string(got.Data) != want || got.Path != "flags" || len(changes) != tt.changes {
			t.Errorf("%s: %v, %v\n%s", name, err, changes, got.Data)
		}
	}
}

func TestKubeletFlagsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":      "",
		"twice":        "KUBELET_KUBEADM_ARGS=\"--v=1\"\nKUBELET_KUBEADM_ARGS=\"--v=2\"\n",
		"a variable":   "KUBELET_KUBEADM_ARGS=\"--node-ip=$IP\"\n",
		"no quotes":    "KUBELET_KUBEADM_ARGS=--v=1\n",
		"open quotes":  "KUBELET_KUBEADM_ARGS=\"--v=1\n\"",
		"too large":    "KUBELET_KUBEADM_ARGS=\"--v=1\"\n#" + strings.Repeat("x", 1<<20),
		"more on it":   "KUBELET_KUBEADM_ARGS=\"--v=1\" x\n",
		"another name": "XKUBELET_KUBEADM_ARGS=\"--v=1\"\n",
	} {
		_, _, err := rehost.KubeletFlags(rehost.File{Path: "flags", Data: []byte(text)}, oldHost, newHost, "vm7")
		if err == nil || !strings.Contains(err.Error(), "flags") {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := rehost.File{Path: "flags", Data: []byte("KUBELET_KUBEADM_ARGS=\"\"\n")}
	if _, _, err := rehost.KubeletFlags(good, oldHost, rehost.Host{Name: "-f", Address: newHost.Address}, "vm7"); err == nil {
		t.Error("a name that is none is taken")
	}
}

// Whatever the file has: an error of one line, or a file in which the next move finds nothing more to change.
func FuzzKubeletFlags(f *testing.F) {
	for _, text := range []string{
		"KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=unix:///run/x.sock --node-ip=10.0.0.11\"\n",
		"KUBELET_KUBEADM_ARGS=\"--hostname-override=cp-1\"", "#\nKUBELET_KUBEADM_ARGS=\"--v=\n\"",
	} {
		f.Add([]byte(text), "vm7")
	}
	f.Fuzz(func(t *testing.T, text []byte, hostname string) {
		got, changes, err := rehost.KubeletFlags(rehost.File{Path: "flags", Data: text}, oldHost, newHost, hostname)
		if err != nil {
			oneLine(t, err.Error())
			return
		}
		for _, c := range changes {
			oneLine(t, c.String())
		}
		again, changes, err := rehost.KubeletFlags(got, oldHost, newHost, hostname)
		if err != nil || len(changes) > 0 || string(again.Data) != string(got.Data) {
			t.Errorf("the second time it is %q and %v, and was %q (%v)", again.Data, changes, got.Data, err)
		}
	})
}
