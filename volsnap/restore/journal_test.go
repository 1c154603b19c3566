package restore

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

func someJournal(t testing.TB) string {
	t.Helper()
	claim := &corev1.PersistentVolumeClaim{}
	claim.Namespace, claim.Name, claim.UID = "shop", "db", "1-2-3"
	claim.Spec.VolumeName, claim.Spec.StorageClassName = "pv-1", ptr("dir")
	claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}
	j := journal{
		Version: journalVersion, Step: replacing, Namespace: "shop", Claim: "db", Policy: corev1.PersistentVolumeReclaimDelete,
		Safety: "before", Was: bare(claim),
	}
	j.From.Namespace, j.From.Name = "shop", "monday"
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func volumeWith(text string) *corev1.PersistentVolume {
	pv := &corev1.PersistentVolume{}
	pv.Name, pv.Annotations = "pv-1", map[string]string{annotationSwap: text}
	return pv
}

func TestReadJournal(t *testing.T) {
	good := someJournal(t)
	o, err := readJournal(volumeWith(good))
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := json.Marshal(o.journal); string(again) != good {
		t.Errorf("wrote %s, read %s", good, again)
	}
	for name, text := range map[string]string{
		"nothing":           "",
		"no JSON":           "{",
		"a newer version":   strings.Replace(good, `"version":1`, `"version":2`, 1),
		"no version":        strings.Replace(good, `"version":1,`, "", 1),
		"an unknown step":   strings.Replace(good, "replacing", "dancing", 1),
		"an unknown policy": strings.Replace(good, `"policy":"Delete"`, `"policy":"Eat"`, 1),
		"no uid":            strings.Replace(good, "1-2-3", "", 1),
		"another claim":     strings.Replace(good, `"claim":"db"`, `"claim":"web"`, 1),
	} {
		if text == good {
			t.Fatalf("%s: the text is as it was", name)
		}
		if o, err := readJournal(volumeWith(text)); !errors.Is(err, ErrJournal) {
			t.Errorf("%s: read %+v, %v", name, o, err)
		}
	}
}

func TestOpen(t *testing.T) {
	at := func(s step) *old { return &old{pv: &corev1.PersistentVolume{}, journal: journal{Step: s}} }
	if o, err := open([]*old{at(replaced), at(replaced)}); o != nil || err != nil {
		t.Errorf("of those that have ended: %v, %v", o, err)
	}
	want := at(undoing)
	if o, err := open([]*old{at(replaced), want}); o != want || err != nil {
		t.Errorf("of one that has not: %v, %v", o, err)
	}
	if o, err := open([]*old{at(replacing), want}); !errors.Is(err, ErrJournal) {
		t.Errorf("of two that have not: %v, %v", o, err)
	}
}

// What controllers write on a claim would make the next one wait, or would be untrue.
func TestBare(t *testing.T) {
	claim := &corev1.PersistentVolumeClaim{}
	claim.Name, claim.UID, claim.ResourceVersion, claim.Finalizers = "db", "1", "7", []string{"kubernetes.io/pvc-protection"}
	claim.Labels = map[string]string{"app": "db"}
	claim.Annotations = map[string]string{
		"owner": "team", "pv.kubernetes.io/bind-completed": "yes", selectedNode: "node-1",
		"volume.kubernetes.io/storage-provisioner": "dir.example.com",
	}
	was := bare(claim)
	if len(was.Annotations) != 1 || was.Annotations["owner"] != "team" || was.Labels["app"] != "db" {
		t.Errorf("annotations %v, labels %v", was.Annotations, was.Labels)
	}
	if was.ResourceVersion != "" || was.Finalizers != nil || was.UID != "1" {
		t.Errorf("got %+v", was.ObjectMeta)
	}
}

// FuzzReadJournal: what anybody with rights on volumes may write into the annotation.
func FuzzReadJournal(f *testing.F) {
	good := someJournal(f)
	if len(good) == 0 {
		f.Fatal("seed corpus is empty")
	}
	for at := 0; at < len(good); at += 17 {
		f.Add(good[:at])
		f.Add(good[:at] + string(good[at]^0x41) + good[at+1:])
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, text string) {
		o, err := readJournal(volumeWith(text))
		if err == nil && (o.Was.UID == "" || o.Was.Name != o.Claim || o.Version != journalVersion) {
			t.Errorf("read %+v", o.journal)
		}
	})
}
