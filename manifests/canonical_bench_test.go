package manifests

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// BenchmarkCanonical holds the canonical form against what others do: decode into a map, take fields out, encode as YAML.
func BenchmarkCanonical(b *testing.B) {
	for _, kind := range []struct {
		name   string
		r      Resource
		source []byte
	}{
		{"Deployment", deployments, deployment(b)},
		{"ConfigMap", configMaps, configMap(b)},
	} {
		b.Run(kind.name+"/canonical", func(b *testing.B) {
			b.SetBytes(int64(len(kind.source)))
			b.ReportAllocs()
			var c canonicalizer
			for b.Loop() {
				if _, err := c.object(kind.source, kind.r, Portable); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(kind.name+"/sigs.k8s.io/yaml", func(b *testing.B) {
			b.SetBytes(int64(len(kind.source)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := usual(kind.source); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// usual takes out the fields that matter for every object, in the way of most tools.
func usual(source []byte) ([]byte, error) {
	var object map[string]any
	if err := json.Unmarshal(source, &object); err != nil {
		return nil, err
	}
	delete(object, "status")
	metadata, _ := object["metadata"].(map[string]any)
	for _, field := range []string{
		"creationTimestamp", "generation", "managedFields", "ownerReferences", "resourceVersion", "uid",
	} {
		delete(metadata, field)
	}
	if annotations, ok := metadata["annotations"].(map[string]any); ok {
		delete(annotations, "deployment.kubernetes.io/revision")
	}
	return yaml.Marshal(object)
}

// deployment is a Deployment as it stands in a list.
func deployment(t testing.TB) []byte {
	t.Helper()
	source, err := os.ReadFile("testdata/deployment.json")
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// configMap is a ConfigMap with some 40 KiB of configuration.
func configMap(t testing.TB) []byte {
	t.Helper()
	source, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"name": "config", "namespace": "shop", "uid": "u", "resourceVersion": "1"},
		"data": map[string]string{
			"nginx.conf": strings.Repeat("server {\n\tlisten 8080;\n\tlocation /static/ { root \"/var/www\"; }\n}\n", 300),
			"app.yaml":   strings.Repeat("database:\n  host: postgres.shop.svc\n  port: 5432\n", 300),
			"level":      "info",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

var (
	deployments = Resource{
		Group: "apps", Version: "v1", Resource: "deployments", Kind: "Deployment", Namespaced: true, Status: true,
	}
	configMaps = Resource{Version: "v1", Resource: "configmaps", Kind: "ConfigMap", Namespaced: true}
)
