package canonical

import (
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/manifests"
)

// choices are fields that the server or a controller fills in if nobody else does, in objects where a user has set them
// and in others.
func choices() []choice {
	service := func(name, kept, gone string) choice { return choice{"services", "corpus", name, kept, gone} }
	return []choice{
		service("plain", "", "clusterIP clusterIPs ipFamilies"),
		service("own-address", "clusterIP clusterIPs", "ipFamilies"),
		service("db", "clusterIP clusterIPs", ""),
		service("headless-without-ports", "clusterIP clusterIPs", ""),
		service("node-port", "", "clusterIP ports[0].nodePort ports[1].nodePort"),
		service("node-port-own", "ports[0].nodePort", "ports[1].nodePort"),
		service("balanced", "externalIPs loadBalancerSourceRanges", "healthCheckNodePort ports[0].nodePort"),
		service("balanced-own", "healthCheckNodePort", "clusterIP"),
		service("elsewhere", "externalName", ""),
		service("two-families", "ipFamilies ipFamilyPolicy", "clusterIP"),
		{"persistentvolumeclaims", "corpus", "static", "volumeName", ""},
		{"persistentvolumeclaims", "corpus", "dynamic", "storageClassName", "volumeName"},
		{"persistentvolumes", "", "corpus-static", "claimRef.name claimRef.namespace", "claimRef.uid claimRef.resourceVersion"},
		{"jobs", "corpus", "own-selector", "selector template.metadata.labels.job", ""},
		{"jobs", "corpus", "once", "template.metadata.labels.app", "selector"},
		{"pods", "corpus", "alone", "hostAliases dnsConfig priorityClassName", "priority"},
		{"pods", "corpus", "with-token", "volumes[0] containers[0].volumeMounts[0]", "volumes[1] containers[0].volumeMounts[1]"},
	}
}

type choice struct{ resource, namespace, name, kept, gone string }

// keepsChoices holds that what a user has chosen is kept, and what was chosen for the user is not.
func keepsChoices(t *testing.T, s *server) {
	for _, c := range choices() {
		r := s.resources[slices.IndexFunc(s.resources, func(r manifests.Resource) bool {
			return r.Resource == c.resource && !strings.Contains(r.Group, ".example.com")
		})]
		i := s.get(t, r, c.namespace, c.name)
		o := canonical(t, i, r, manifests.Portable)
		json, err := yaml.YAMLToJSONStrict(o.YAML)
		if err != nil {
			t.Fatal(err)
		}
		// remove is asked for what is there, so each is read anew.
		was, is := decode(t, i.raw), decode(t, json)
		for _, field := range strings.Fields(c.kept) {
			if !remove(is, steps(t, "spec."+field)) {
				t.Errorf("%s has no %s any more, which a user has set", o.Key, field)
			}
		}
		for _, field := range strings.Fields(c.gone) {
			if !remove(was, steps(t, "spec."+field)) {
				t.Errorf("%s never had %s", o.Key, field)
			}
			if remove(is, steps(t, "spec."+field)) {
				t.Errorf("%s still has %s, which no user has set", o.Key, field)
			}
		}
	}
}
