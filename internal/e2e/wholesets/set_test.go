package wholesets

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage/proof"
	"github.com/clustersnap/clustersnap/manifests/tree"
	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/handover"
)

// result is what the tests read of a set's last member.
type result struct {
	Verdict, Credentials, ResourceVersion string
	Revision                              int64
	Objects                               int
	Volumes                               map[string]int
	Reasons                               []string
	NotSaved                              []struct{ What, Namespace, Name, Why string }
}

// shop is a namespace with a claim, and a pod with data on its node.
func (s *scene) shop() {
	s.Helper()
	s.bed.Namespace(s, "shop")
	s.bed.Claims(s, "shop", s.bed.Drivers[0].Name, "data")
	must(s, os.WriteFile(filepath.Join(s.bed.VolumePath(s, "shop", "data"), "file"), []byte("one"), 0o600))
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "password", Namespace: "shop"}, StringData: map[string]string{"password": "hunter2"},
	}
	_, err := s.bed.Client.CoreV1().Secrets("shop").Create(s.ctx, secret, metav1.CreateOptions{})
	must(s, err)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "cache", Namespace: "shop"}, Spec: corev1.PodSpec{
		Containers: []corev1.Container{{Name: "c", Image: "none"}},
		Volumes: []corev1.Volume{{
			Name: "here", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/srv"}},
		}},
	}}
	_, err = s.bed.Client.CoreV1().Pods("shop").Create(s.ctx, pod, metav1.CreateOptions{})
	must(s, err)
}

// example runs the root package's example on the node, as it stands.
func example(s *scene) {
	program := filepath.Join(s.TempDir(), "example")
	build := exec.Command("go", "test", "-C", "../../..", "-c", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		s.Fatalf("%v\n%s", err, out)
	}
	out := s.node.Output(s, exec.Command(program, "-node", s.node.Root))
	want := "node.json\naccount.json\nmanifests.tar.zst\netcd.snap.zst\npki.tar.age\ncompleteness.json\nverified: true\ncomplete: true\n"
	if out != want {
		s.Errorf("it prints %q, want %q", out, want)
	}
}

// whole is a backup with everything that can be asked for.
func whole(s *scene) {
	o, file := s.backup("--volumes", "all", "--accept", "hostPath", "--prove-boot")
	command.Good(s, o)
	for _, line := range []string{
		"api       https://10.77.0.11:6443 by /etc/kubernetes/admin.conf\n", "volumes   1 snapshot of 2 volumes in run ",
		"proof     complete (exact): ", "boot      etcd ", "unsaved   1 of data on a node, ",
	} {
		if !strings.Contains(o.Stdout, line) {
			s.Errorf("it does not print %q:\n%s", line, o.Stdout)
		}
	}
	set := s.open(file)
	var names []string
	for _, m := range set.Members() {
		names = append(names, m.Name)
	}
	want := []string{
		"node.json", "account.json", "volumes.json", "etcd.snap.zst", "pki.tar.age", "pairing.json", "manifests.tar.zst",
		"completeness.json", "boot.json", "result.json",
	}
	if !slices.Equal(names, want) {
		s.Errorf("it has %q, want %q", names, want)
	}
	said := read[result](s, set, "result.json")
	if said.Verdict != "good" || said.Volumes["snapshotted"] != 1 || said.NotSaved[0].Name != "cache/here" {
		s.Errorf("the result is %+v", said)
	}
	p := read[proof.Proof](s, set, "completeness.json")
	if !p.Complete() || p.Strength != proof.Exact || p.Matched != said.Objects || p.Revision < 1 {
		s.Errorf("the proof is %v: %d of %d match", &p, p.Matched, said.Objects)
	}
	s.holdsObjects(unpackedTree(s, set), said)
	f, err := set.Open("volumes.json")
	must(s, err)
	records, err := handover.Read(f)
	must(s, err)
	_, handle := s.bed.DriverOf(s, "shop", "data")
	account := read[volsnap.Account](s, set, "account.json")
	if len(records) != 1 || records[0].Claim != "data" || records[0].Handle == "" || records[0].Handle == handle {
		s.Errorf("the records are %+v", records)
	}
	if len(account.Volumes) != 2 {
		s.Errorf("the account is %+v", account)
	}
	verified := command.Good(s, command.Run(s, "", "verify", file, "--identity", s.key))
	if !strings.Contains(verified.Stdout, "backup    whole when it was made, with ") {
		s.Errorf("verify says\n%s", verified.Stdout)
	}
}

// holdsObjects holds the tree of a set against what was to be in it. A Secret is there as it is.
func (s *scene) holdsObjects(saved *tree.Saved, said result) {
	s.Helper()
	text, err := saved.Object(s.ctx, manifests.Entry{Key: manifests.Key{Resource: "secrets", Namespace: "shop", Name: "password"}})
	if err != nil || !strings.Contains(string(text), "password: aHVudGVyMg==\n") {
		s.Errorf("the Secret is %s, %v", text, err)
	}
	entries := 0
	for e, err := range saved.Entries(s.ctx) {
		must(s, err)
		entries++
		_, err := saved.Object(s.ctx, e)
		must(s, err)
	}
	seen := saved.Seen()
	if entries != said.Objects || seen.ResourceVersion != said.ResourceVersion || !seen.Complete() {
		s.Errorf("it has %d objects at %s, want %d at %s", entries, seen.ResourceVersion, said.Objects, said.ResourceVersion)
	}
}
