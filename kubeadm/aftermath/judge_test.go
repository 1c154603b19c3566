package aftermath

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestRangesThatOverlap(t *testing.T) {
	for _, c := range []struct{ name, nodes, want string }{
		{"apart", "a=10.0.0.0/24 b=10.0.1.0/24 c=fd00::/64 d=fd00:0:0:1::/64", ""},
		{"the same", "a=10.0.0.0/24 b=10.0.0.0/24", "b"},
		{"one in another", "a=10.0.0.128/25 b=10.0.0.0/24", "a"},
		{"several in one, and one after", "a=10.0.0.0/16 b=10.0.1.0/24 c=10.0.2.0/24 d=10.1.0.0/24", "b c"},
		{"the second of two families", "a=10.0.0.0/24,fd00::/64 b=10.0.1.0/24,fd00::/80", "b"},
		{"a narrow one with the same beginning", "a=10.0.0.0/25 b=10.0.0.0/16 c=10.0.128.0/24", "a c"},
		{"a node with itself", "a=10.0.0.0/24,10.0.0.0/25", ""},
		{"an address that looks alike", "a=10.0.0.0/8 b=::ffff:10.0.0.0/104", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := &inspection{report: &Report{}, nodes: map[string]*node{}}
			for _, text := range strings.Fields(c.nodes) {
				name, ranges, _ := strings.Cut(text, "=")
				n := &node{name: name}
				for _, r := range strings.Split(ranges, ",") {
					n.ranges = append(n.ranges, netip.MustParsePrefix(r))
				}
				in.nodes[name] = n
			}
			in.compareRanges()
			in.report.sort()
			var got []string
			for _, f := range in.report.Findings {
				got = append(got, f.Node)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("found at %q, want %q", got, c.want)
			}
		})
	}
}

func TestDirectoriesThatHoldData(t *testing.T) {
	socket, directory := corev1.HostPathSocket, corev1.HostPathDirectory
	writes, reads := corev1.VolumeMount{Name: "v"}, corev1.VolumeMount{Name: "v", ReadOnly: true}
	for _, c := range []struct {
		path  string
		kind  *corev1.HostPathType
		mount corev1.VolumeMount
		holds bool
	}{
		{"/srv/data", nil, writes, true},
		{"/srv/data", &directory, writes, true},
		{"/srv/data", nil, reads, false},
		{"/srv/data", nil, corev1.VolumeMount{Name: "other"}, false},
		{"/srv/app.sock", &socket, writes, false},
		{"/var/lib/kubelet", nil, writes, false},
		{"/var/lib/kubelet/pods/", nil, writes, false},
		{"/var/lib/kubelet-data", nil, writes, true},
		{"/etc/cni/net.d", nil, writes, false},
		{"/srv/../run/x", nil, writes, false},
		{"/", nil, writes, true},
	} {
		spec := &corev1.PodSpec{Containers: []corev1.Container{{}, {VolumeMounts: []corev1.VolumeMount{c.mount}}}}
		source := &corev1.HostPathVolumeSource{Path: c.path, Type: c.kind}
		if got := holdsData(source, "v", spec); got != c.holds {
			t.Errorf("%s %+v: holds data %t, want %t", c.path, c.mount, got, c.holds)
		}
		spec.InitContainers, spec.Containers = spec.Containers, nil
		if got := holdsData(source, "v", spec); got != c.holds {
			t.Errorf("%s %+v of an init container: holds data %t, want %t", c.path, c.mount, got, c.holds)
		}
	}
}

func TestHostsOfVolumes(t *testing.T) {
	term := func(key string, operator corev1.NodeSelectorOperator, values ...string) corev1.NodeSelectorTerm {
		e := corev1.NodeSelectorRequirement{Key: key, Operator: operator, Values: values}
		return corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{e}}
	}
	host := func(values ...string) corev1.NodeSelectorTerm {
		return term(corev1.LabelHostname, corev1.NodeSelectorOpIn, values...)
	}
	zone := term(corev1.LabelTopologyZone, corev1.NodeSelectorOpIn, "a")
	for _, c := range []struct {
		name  string
		terms []corev1.NodeSelectorTerm
		want  []string
	}{
		{"one", []corev1.NodeSelectorTerm{host("a")}, []string{"a"}},
		{"several", []corev1.NodeSelectorTerm{host("a", "b"), host("c")}, []string{"a", "b", "c"}},
		{"or a zone", []corev1.NodeSelectorTerm{host("a"), zone}, nil},
		{"a zone", []corev1.NodeSelectorTerm{zone}, nil},
		{"all but one", []corev1.NodeSelectorTerm{term(corev1.LabelHostname, corev1.NodeSelectorOpNotIn, "a")}, nil},
		{"none", nil, nil},
	} {
		if got := hostsOf(&corev1.NodeSelector{NodeSelectorTerms: c.terms}); !slices.Equal(got, c.want) {
			t.Errorf("%s: hosts are %q, want %q", c.name, got, c.want)
		}
	}
}

func TestStaticPods(t *testing.T) {
	for uid, want := range map[string]bool{
		"0123456789abcdef0123456789abcdef":     true,
		"0123456789abcdef0123456789abcdeg":     false,
		"0123456789abcdef00123456789abcdef":    false,
		"+123456789abcdef+123456789abcdef":     false,
		"01234567-89ab-cdef-0123-456789abcdef": false,
		"":                                     false,
	} {
		if got := (RunningPod{UID: uid}).static(); got != want {
			t.Errorf("UID %q is that of a static pod: %t, want %t", uid, got, want)
		}
	}
}

func TestVersionsAhead(t *testing.T) {
	for _, c := range []struct {
		knows string
		p     pod
		want  bool
	}{
		{"11", pod{version: 10}, true},
		{"10", pod{version: 10}, false},
		{"9", pod{version: 10}, false},
		{"", pod{version: 10}, false},
		{"-11", pod{version: 10}, false},
		{"99999999999999999999999", pod{version: 10}, false},
		{"11", pod{version: 10, mirror: "x"}, false},
	} {
		if got := (RunningPod{ResourceVersion: c.knows}).ahead(&c.p); got != c.want {
			t.Errorf("version %q is ahead of %+v: %t, want %t", c.knows, c.p, got, c.want)
		}
	}
}

func TestLostPods(t *testing.T) {
	now := time.Date(2026, 11, 26, 4, 0, 0, 0, time.UTC)
	runs := map[string]bool{"u1": true, "hash": true}
	for _, c := range []struct {
		name string
		p    pod
		want bool
	}{
		{"runs", pod{uid: "u1", phase: corev1.PodRunning}, false},
		{"does not", pod{uid: "u2", phase: corev1.PodRunning}, true},
		{"as a static pod", pod{uid: "u2", mirror: "hash", phase: corev1.PodRunning}, false},
		{"not as a static pod", pod{uid: "u2", mirror: "other", phase: corev1.PodRunning}, true},
		{"has not begun", pod{uid: "u2", phase: corev1.PodPending}, false},
		{"has ended", pod{uid: "u2", phase: corev1.PodSucceeded}, false},
		{"is being deleted", pod{uid: "u2", phase: corev1.PodRunning, end: now}, false},
		{"has just begun", pod{uid: "u2", phase: corev1.PodRunning, changed: now.Add(-10 * time.Second)}, false},
		{"began before", pod{uid: "u2", phase: corev1.PodRunning, changed: now.Add(-11 * time.Second)}, true},
	} {
		if got := c.p.lost(runs, now); got != c.want {
			t.Errorf("a pod that %s is lost: %t, want %t", c.name, got, c.want)
		}
	}
}

func TestExpiredLeases(t *testing.T) {
	now := time.Date(2026, 11, 26, 4, 0, 0, 0, time.UTC)
	seconds := int32(40)
	at := func(before time.Duration) *metav1.MicroTime { return &metav1.MicroTime{Time: now.Add(-before)} }
	for _, c := range []struct {
		lease coordinationv1.LeaseSpec
		want  bool
	}{
		{coordinationv1.LeaseSpec{RenewTime: at(40 * time.Second), LeaseDurationSeconds: &seconds}, false},
		{coordinationv1.LeaseSpec{RenewTime: at(41 * time.Second), LeaseDurationSeconds: &seconds}, true},
		{coordinationv1.LeaseSpec{RenewTime: at(-time.Hour), LeaseDurationSeconds: &seconds}, false},
		{coordinationv1.LeaseSpec{RenewTime: at(0)}, true},
		{coordinationv1.LeaseSpec{LeaseDurationSeconds: &seconds}, true},
	} {
		if got := expired(&c.lease, now); got != c.want {
			t.Errorf("%+v has expired: %t, want %t", c.lease, got, c.want)
		}
	}
}

func TestSome(t *testing.T) {
	for n, want := range []string{"", "0", "0, 1", "0, 1, 2", "0, 1, 2 and 1 more"} {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprint(i))
		}
		if got := some(names); got != want {
			t.Errorf("%d names are %q, want %q", n, got, want)
		}
	}
}
