package rehost_test

import (
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/kubeadm/rehost"
)

var pair = []rehost.Member{{Name: "cp-1", PeerURL: "https://10.0.0.11:2380"}, {Name: "cp-2", PeerURL: "https://10.0.0.12:2380"}}

const pairList = "cp-1=https://10.0.0.11:2380,cp-2=https://10.0.0.12:2380"

// As CreateStackedEtcdStaticPodManifestFile of kubeadm writes it for a node that joins.
func TestExistingOfKubeadm(t *testing.T) {
	for _, name := range []string{"v1.29", "v1.31", "v1.37"} {
		files := shape(t, name)
		got, err := rehost.Existing(files[0], pair)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Replace(withoutComments(files[0].Data), "    - --initial-cluster=cp-1=https://10.0.0.11:2380\n",
			"    - --initial-cluster="+pairList+"\n    - --initial-cluster-state=existing\n", 1)
		if string(got.Data) != want || got.Path != "etcd.yaml" {
			t.Errorf("%s of %s is\n%s", got.Path, name, got.Data)
		}
		again, err := rehost.Existing(got, pair)
		if err != nil || string(again.Data) != want {
			t.Errorf("the second time it is %v\n%s", err, again.Data)
		}
	}
}

func TestExistingByHand(t *testing.T) {
	flags := "- --initial-cluster=" + pairList + "\n    - --initial-cluster-state=existing\n"
	for name, tt := range map[string]struct{ container, want string }{
		"no such flags": {"command: [etcd, --name=cp-2]", "- etcd\n    - --name=cp-2\n    " + flags},
		"arguments": {"command: [etcd]\nargs: [--initial-cluster-state, new, --name=cp-2, -initial-cluster, x]",
			"  - args:\n    " + flags + "    - --name=cp-2\n"},
		"twice": {"command: [etcd, --initial-cluster=a, --name=cp-2, --initial-cluster=b]", "- etcd\n    " + flags +
			"    - --name=cp-2\n"},
		"variables": {"command: [etcd]\nenv: [{name: ETCD_INITIAL_CLUSTER, value: x}, {name: ETCD_NAME, value: cp-2}]",
			"- etcd\n    " + flags + "    env:\n    - name: ETCD_NAME\n"},
	} {
		got, err := rehost.Existing(pod(tt.container)[0], pair)
		if err != nil || !strings.Contains(string(got.Data), tt.want) {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, got.Data, tt.want)
		}
	}
}

func TestExistingRefused(t *testing.T) {
	etcd := pod("command: [etcd]")[0]
	for _, tt := range []struct {
		name    string
		file    rehost.File
		members []rehost.Member
		says    string
	}{
		{"no members", etcd, nil, "no members"},
		{"name", etcd, []rehost.Member{{Name: "a,b=c", PeerURL: "https://10.0.0.1:2380"}}, "member name"},
		{"URL", etcd, []rehost.Member{{Name: "a", PeerURL: "https://10.0.0.1:2380,b=https://10.0.0.2:2380"}}, "peer URL of member a"},
		{"no etcd", pod("command: [kube-apiserver]")[0], pair, "no container runs etcd"},
		{"a script", pod("command: [sh, -c, etcd --name=x]")[0], pair, "a shell's script"},
		{"value in the arguments", pod("command: [etcd, --initial-cluster]\nargs: [x]")[0], pair,
			"--initial-cluster has no value beside it"},
		{"no pod", rehost.File{Path: "x"}, pair, "x is no v1 Pod"},
	} {
		if _, err := rehost.Existing(tt.file, tt.members); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want an error that says %q", tt.name, err, tt.says)
		}
	}
}
