package volcommands

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/volsnap"
)

// ways has a group of two claims, a volume from before CSI, and one that only its storage can snapshot.
func ways(p *place) {
	p.bed.Namespace(p, "ways")
	for _, name := range []string{"db", "log"} {
		claim := csibed.Claim("ways", name, p.driver.Name)
		claim.Labels["app"] = "db"
		p.bed.MakeClaim(p, claim)
	}
	p.bed.Bound(p, "ways", "db", "log")
	handle := p.before("ways", "old", "log")
	p.bed.MakeClaim(p, csibed.Claim("ways", "share", csibed.Waiting(p.driver.Name)))

	command.Bad(p, p.volumes("take", "-n", "ways", "--group-by", "typo"), 1, `--group-by names label "typo"`)
	command.Bad(p, p.volumes("take", "-n", "ways", "--group-by", "a b"), 2, "no key of a label")
	command.Bad(p, p.volumes("take", "-n", "ways", "--own-way", "/no/such/program"), 2, "/no/such/program")
	if all := p.lists("-n", "ways"); len(all) > 0 {
		p.Errorf("a slip has taken %+v", all)
	}

	dir := p.TempDir()
	program, file := filepath.Join(dir, "own-way"), filepath.Join(dir, "volumes.json")
	must(p, os.WriteFile(program, []byte(`#!/bin/sh
cat >`+dir+`/asked
echo '{"namespace":"ways","name":"share-1","handle":"share@1","cut":"2026-11-26T04:00:00Z","ready":true}'
`), 0o700))
	p.prints(p.volumes("take", "-n", "ways", "--run", "ways", "--group-by", "app", "--migrated", "--own-way", program,
		"--records", file),
		"taken     ways/share: share-1, ready", "run       ways: 4 snapshots of 4 volumes")
	var asked volsnap.Volume
	text, err := os.ReadFile(filepath.Join(dir, "asked"))
	must(p, err)
	must(p, json.Unmarshal(text, &asked))
	if asked.Claim != "share" || asked.Reason != volsnap.ReasonUnbound {
		p.Errorf("the program was asked for %+v", asked)
	}
	all := p.lists("--run", "ways")
	groups := map[string]string{}
	for _, s := range all {
		groups[s.Claim] = s.Group
	}
	if len(all) != 3 || groups["db"] == "" || groups["db"] != groups["log"] || groups["old"] != "" {
		p.Errorf("the groups of the claims are %q", groups)
	}
	i := slices.IndexFunc(all, func(s volsnap.Snapshot) bool { return s.Claim == "old" })
	if all[i].Volume != handle || !slices.Contains(p.driver.Snapshots(), all[i].Handle) {
		p.Errorf("the snapshot of the volume from before CSI is %+v", all[i])
	}
	text, err = os.ReadFile(file)
	if err != nil || strings.Count(string(text), `"handle"`) != 3 || strings.Contains(string(text), "share") {
		p.Errorf("the records are %s, %v", text, err)
	}
	must(p, os.WriteFile(program, []byte("#!/bin/sh\necho the array is down >&2; exit 1\n"), 0o700))
	command.Bad(p, p.volumes("take", "ways/share", "--own-way", program), 1, "the array is down")
	must(p, p.bed.Client.CoreV1().PersistentVolumeClaims("ways").Delete(p.ctx, "share", metav1.DeleteOptions{}))
	p.bed.Gone(p, claims, "ways", "share")
}

// before binds a claim to a volume as it was written before CSI, which is that of another claim, and gives its handle.
func (p *place) before(namespace, name, like string) string {
	p.Helper()
	handle := p.bed.Volume(p, namespace, like).Spec.CSI.VolumeHandle
	claim := csibed.Claim(namespace, name, "none")
	claim.Spec.VolumeName = namespace + "-" + name
	pv := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: claim.Spec.VolumeName},
		Spec: corev1.PersistentVolumeSpec{
			StorageClassName: "none", AccessModes: claim.Spec.AccessModes,
			Capacity: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Mi")},
			ClaimRef: &corev1.ObjectReference{Namespace: namespace, Name: name},
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				AWSElasticBlockStore: &corev1.AWSElasticBlockStoreVolumeSource{VolumeID: handle},
			},
		},
	}
	_, err := p.bed.Client.CoreV1().PersistentVolumes().Create(p.ctx, pv, metav1.CreateOptions{})
	must(p, err)
	p.bed.MakeClaim(p, claim)
	p.bed.Bound(p, namespace, name)
	return handle
}
