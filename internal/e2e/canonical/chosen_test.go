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
	service := func(name, kept, gone string) choice {
		return choice{"services", "corpus", name, spec(kept), spec(gone)}
	}
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
		{"persistentvolumeclaims", "corpus", "static", spec("volumeName"), nil},
		{"persistentvolumeclaims", "corpus", "dynamic", spec("storageClassName"), spec("volumeName")},
		{"persistentvolumes", "", "corpus-static",
			spec("claimRef.name claimRef.namespace"), spec("claimRef.uid claimRef.resourceVersion")},
		{"jobs", "corpus", "own-selector", spec("selector template.metadata.labels.job"), nil},
		{"jobs", "corpus", "once", spec("template.metadata.labels.app"), spec("selector")},
		{"pods", "corpus", "alone", spec("hostAliases dnsConfig priorityClassName"), spec("priority")},
		{"pods", "corpus", "with-token",
			spec("volumes[0] containers[0].volumeMounts[0]"), spec("volumes[1] containers[0].volumeMounts[1]")},
		{"secrets", "corpus", "runner-token",
			[]string{"data.extra"}, []string{"data.token", "data.namespace", `data["ca.crt"]`}},
		{"secrets", "corpus", "applied", []string{"data.token"}, []string{"metadata.annotations"}},
		{"ledgers", "corpus", "one", []string{"status", "topLevel"}, nil},
		{"gadgets", "corpus", "one", spec("keys.metadata.creationTimestamp keys.status empty.map"), []string{"status"}},
		{"configmaps", "corpus", "owned", []string{"data.a"}, []string{"metadata.ownerReferences"}},
		{"configmaps", "corpus", "1e3", []string{"metadata.finalizers", "metadata.generateName"}, nil},
		{"clusterroles", "", "corpus-all", []string{"aggregationRule"}, []string{"rules"}},
		{"validatingwebhookconfigurations", "", "corpus", []string{"webhooks[0].clientConfig.caBundle"}, nil},
		{"mutatingwebhookconfigurations", "", "corpus",
			[]string{"webhooks[0].matchConditions"}, []string{"webhooks[0].clientConfig.caBundle"}},
	}
}

// spec gives the paths of fields of the spec.
func spec(fields string) []string {
	paths := strings.Fields(fields)
	for i := range paths {
		paths[i] = "spec." + paths[i]
	}
	return paths
}

type choice struct {
	resource, namespace, name string
	kept, gone                []string
}

// keepsChoices holds that what a user has chosen is kept, and what was chosen for the user is not.
func keepsChoices(t *testing.T, s *server) {
	for _, c := range choices() {
		r := s.resources[slices.IndexFunc(s.resources, func(r manifests.Resource) bool {
			return r.Resource == c.resource && r.Group != "serving.corpus.example.com"
		})]
		i := s.get(t, r, c.namespace, c.name)
		o := canonical(t, i, r, manifests.Portable)
		json, err := yaml.YAMLToJSONStrict(o.YAML)
		if err != nil {
			t.Fatal(err)
		}
		// remove is asked for what is there, so each is read anew.
		was, is := decode(t, i.raw), decode(t, json)
		for _, field := range c.kept {
			if !remove(is, steps(t, field)) {
				t.Errorf("%s has no %s any more, which a user has set", o.Key, field)
			}
		}
		for _, field := range c.gone {
			if !remove(was, steps(t, field)) {
				t.Errorf("%s never had %s", o.Key, field)
			}
			if remove(is, steps(t, field)) {
				t.Errorf("%s still has %s, which no user has set", o.Key, field)
			}
		}
	}
}
