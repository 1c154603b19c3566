package apply

import (
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
)

func TestVolumesOfClaims(t *testing.T) {
	volume := func(name, policy, claim, uid string) string {
		return `{"metadata":{"name":"` + name + `"},"spec":{"persistentVolumeReclaimPolicy":"` + policy +
			`","claimRef":{"namespace":"shop","name":"` + claim + `","uid":"` + uid + `"}}}`
	}
	v := &volumes{held: map[string]string{}, claimOf: map[string]string{}}
	for _, text := range []string{
		volume("held", "Retain", "a", "1"), volume("goes", "Delete", "b", "2"), volume("reserved", "Retain", "c", ""),
		`{"metadata":{"name":"free"},"spec":{}}`, `{"metadata":{"name":"odd"},"spec":{"claimRef":[]}}`, `{}`,
		`{"metadata":{"name":"ending","deletionTimestamp":"2026-01-01T00:00:00Z"},"spec":{"persistentVolumeReclaimPolicy":"Retain",` +
			`"claimRef":{"namespace":"shop","name":"d","uid":"4"}}}`,
	} {
		v.add(parse(t, text))
	}
	for _, c := range []struct {
		claim, volume string
		taken         bool
		says          string
	}{
		{"a", "", true, "volume held has its data"},
		{"a", "held", true, "volume held has its data"},
		{"b", "", false, ""}, // it goes with its data
		{"b", "goes", true, "volume goes has its data"},
		{"c", "", false, ""},
		{"c", "reserved", false, ""},
		{"d", "", false, ""},
		{"e", "held", true, "claimed by shop/a"},
		{"e", "free", false, ""},
		{"e", "unknown", false, ""},
	} {
		it := &item{Step: Step{Key: manifests.Key{Resource: "persistentvolumeclaims", Namespace: "shop", Name: c.claim}}}
		it.body = parse(t, `{"spec":{"volumeName":"`+c.volume+`"}}`)
		why, taken := v.of(it)
		if taken != c.taken || !strings.Contains(why, c.says) || c.says == "" && why != "" {
			t.Errorf("claim %s with volume %q: %t %q, want %t %q", c.claim, c.volume, taken, why, c.taken, c.says)
		}
	}
}
