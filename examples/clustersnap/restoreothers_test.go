package main

import (
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/rehost"
	"github.com/clustersnap/clustersnap/kubeadm/restore"
)

// A snapshot names its own member, too, and who runs alone needs no word about others.
func TestOthersAreTold(t *testing.T) {
	plan := &restore.Plan{Node: &kubeadm.Node{}}
	plan.Node.Etcd.Name.Value = "cp1"
	for _, c := range []struct{ members, want string }{
		{"", ""},
		{"cp1", ""},
		{"cp2 cp1 cp3 cp2", "others    cp2, cp3: they stop before this, and join again after it: "},
	} {
		plan.Members = nil
		for name := range strings.FieldsSeq(c.members) {
			plan.Members = append(plan.Members, kubeadm.Member{Name: name})
		}
		var out strings.Builder
		if tellOthers(steps{&out}, plan); !strings.HasPrefix(out.String(), c.want) || c.want == "" && out.Len() > 0 {
			t.Errorf("%s: it says %q", c.members, &out)
		}
	}
}

// What is printed is lines of a shell: nothing that a cluster has stored gets out of a comment or into a terminal.
func TestOthersAreCopyable(t *testing.T) {
	plan := &rehost.Plan{Steps: []rehost.Step{
		{Where: "cp2", Stage: "fence", Do: "look\nrm -rf /", Why: "it is \x1b[2J late"},
		{Where: "cp1", Stage: "join", Do: "promote", Why: "it is time", Command: []string{"etcdctl", "a b", rehost.MemberID}},
	}}
	const want = `
# 1. fence, on cp2: look rm -rf /
# it is �[2J late

# 2. join, on cp1: promote
# it is time
etcdctl 'a b' '<member-id>'
`
	var out strings.Builder
	if new(otherNodes).print(steps{&out}, plan); out.String() != want {
		t.Errorf("printed\n%s", &out)
	}
}
