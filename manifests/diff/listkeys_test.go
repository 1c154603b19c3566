package diff

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// schema is the part of the schema of the built-in types that says how lists merge.
type schema struct {
	Types []struct {
		Name string
		Map  struct {
			Fields []struct {
				Name string
				Type struct {
					List struct {
						ElementRelationship string
						Keys                []string
					}
				}
			}
		}
	}
}

// builtIns reads the schema that client-go has of all built-in types.
func builtIns(t *testing.T) schema {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/client-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "applyconfigurations", "internal", "internal.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(source), "schemaYAML = typed.YAMLObject(`")
	text, _, ok := strings.Cut(text, "`)")
	var s schema
	if err := yaml.Unmarshal([]byte(text), &s); err != nil || !ok {
		t.Fatalf("the schema is not where it was: %v", err)
	}
	return s
}

// The table has the keys of each list of a built-in type outside of its status, and no others.
func TestListKeysAreThoseOfTheBuiltInTypes(t *testing.T) {
	seen := map[string][][]string{}
	for _, typ := range builtIns(t).Types {
		if strings.HasSuffix(typ.Name, "Status") {
			continue
		}
		for _, f := range typ.Map.Fields {
			keys := f.Type.List.Keys
			if len(keys) == 0 || f.Type.List.ElementRelationship != "associative" {
				continue
			}
			if !slices.ContainsFunc(seen[f.Name], func(k []string) bool { return slices.Equal(k, keys) }) {
				seen[f.Name] = append(seen[f.Name], keys)
			}
			if !slices.ContainsFunc(listKeys[f.Name], func(k []string) bool { return slices.Equal(k, keys) }) {
				t.Errorf("%s.%s has the keys %q, the table %q", typ.Name, f.Name, keys, listKeys[f.Name])
			}
		}
	}
	for name, sets := range listKeys {
		if len(seen[name]) != len(sets) && name != "conditions" {
			t.Errorf("the table has %q for %s, the types %q", sets, name, seen[name])
		}
	}
	if len(seen) < 15 {
		t.Errorf("%d lists with keys: the schema was not read", len(seen))
	}
}
