package volcommands

import (
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
)

// aRecord is one of a driver that no cluster has.
const aRecord = `{"format":"clustersnap volume snapshots","version":1,"records":[{"driver":"none.example.com","handle":"h",` +
	`"namespace":"shop","snapshot":"db-1"}]}`

// notServed: each command says what is missing, in the same words.
func notServed(p *place) {
	client, err := kubernetes.NewForConfig(p.node.RESTConfig(p))
	must(p, err)
	_, err = client.CoreV1().PersistentVolumeClaims("default").Create(p.ctx, &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "early"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Mi")},
			},
		},
	}, metav1.CreateOptions{})
	must(p, err)
	file := filepath.Join(p.TempDir(), "volumes.json")
	must(p, os.WriteFile(file, []byte(aRecord), 0o600))
	for _, args := range [][]string{
		{"take", "-n", "default"}, {"list"}, {"list", "--lost"}, {"wait", "--run", "x"}, {"prune", "--keep-last", "1"},
		{"export", "-", "default/x"}, {"export", "-", "--run", "x"}, {"import", file}, {"import", file, "--yes"},
		{"restore", "default/x", "default/y"}, {"restore", "default/x", "default/y", "--in-place", "--yes"},
		{"restore", "default/x", "--drill"},
	} {
		command.Bad(p, p.volumes(args...), 1, "install the CRDs of external-snapshotter")
	}
}

// slips are no good backups.
func slips(p *place) {
	p.claims("slips", "db")
	before := len(p.driver.Snapshots())
	for _, args := range [][]string{
		{"take", "-n", "slips", "--in-flight", "-1"}, {"take", "-n", "slips", "--run", "a b"}, {"take", "-n", "slips", "-l", "a=b=c"},
		{"take", "-n", "slips", "--accept", "hostpth"}, {"take", "-n", "slips", "--timeout", "0"}, {"take", "slips"},
		{"prune", "--keep-last", "-5"}, {"prune", "--keep-last", "1", "--in-flight", "-3"}, {"list", "--run", "a b"},
		{"restore", "slips/x", "slips/db", "--other-claim"},
	} {
		command.Bad(p, p.volumes(args...), 2)
	}
	for _, test := range []struct {
		says string
		args []string
	}{
		{"nothing is selected", []string{"take", "-n", "slips", "-l", "app=typo"}},
		{"nothing is selected", []string{"take", "-n", "slips", "-l", "app=typo", "--dry-run"}},
		{`driver "typo"`, []string{"take", "-n", "slips", "--class", "typo=foo"}},
		{`no namespace "slps"`, []string{"list", "-n", "slps"}},
		{`no namespace "slps"`, []string{"prune", "-n", "slps", "--keep-last", "1"}},
	} {
		command.Bad(p, p.volumes(test.args...), 1, test.says)
	}
	if now := len(p.driver.Snapshots()); now != before {
		p.Errorf("a slip has taken %d snapshots", now-before)
	}
}

// rest: what was asked to rest and did not is no good backup.
func rest(p *place) {
	p.claims("rest", "db")
	p.bed.Pod(p, "rest", "db", "db")
	before := len(p.driver.Snapshots())
	command.Bad(p, p.volumes("take", "-n", "rest", "--fsfreeze", "typo"), 1, "would freeze nothing", "their containers are main")
	if now := len(p.driver.Snapshots()); now != before {
		p.Error("it has taken snapshots though it would have frozen nothing")
	}
	o := p.volumes("take", "-n", "rest", "--run", "rest", "--hooks", "velero")
	command.Bad(p, o, 1, "no pod was at rest")
	if !strings.Contains(o.Stdout, "awake     rest/db: ") || strings.Contains(o.Stdout, "good") {
		p.Errorf("it prints\n%s", o.Stdout)
	}
}
