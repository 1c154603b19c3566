package house

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// goFloor and floors are the oldest versions that the root module works with. Whatever its go.mod requires, every
// importer must have at least, so a higher line needs a reason and a change here.
const goFloor = "1.25.0"

var floors = map[string]string{
	"filippo.io/age":                "v1.3.1",
	"github.com/klauspost/compress": "v1.18.0",
	"go.etcd.io/etcd/api/v3":        "v3.6.8", // v3.6.16 would force go 1.26
	"go.etcd.io/etcd/client/v3":     "v3.6.8",
	"k8s.io/api":                    "v0.34.0",
	"k8s.io/apimachinery":           "v0.34.0",
	"k8s.io/client-go":              "v0.34.0",
	"k8s.io/cri-api":                "v0.33.0", // v0.34.0 would force grpc v1.72.1
	"sigs.k8s.io/yaml":              "v1.6.0",  // what k8s.io v0.34.0 requires
	"go.yaml.in/yaml/v2":            "v2.4.2",  // what sigs.k8s.io/yaml v1.6.0 requires
	"go.uber.org/zap":               "v1.27.0", // what etcd v3.6.8 requires, as grpc and protobuf
	"golang.org/x/crypto":           "v0.45.0", // what age v1.3.1 requires
	"google.golang.org/grpc":        "v1.71.1",
	"google.golang.org/protobuf":    "v1.36.5",
}

// goMod is what the rules look at of the output of go mod edit -json.
type goMod struct {
	Go        string
	Toolchain string
	Require   []struct {
		Path, Version string
		Indirect      bool
	}
	Replace []struct{ Old struct{ Path string } }
	Tool    []struct{ Path string }
}

// offFloor gives one sentence for each line of a go.mod that asks more or less of an importer than the floors.
func offFloor(mod goMod) []string {
	var found []string
	if mod.Go != goFloor {
		found = append(found, fmt.Sprintf("go is %s, want %s", mod.Go, goFloor))
	}
	if mod.Toolchain != "" {
		found = append(found, "toolchain "+mod.Toolchain+" is nothing to an importer")
	}
	for _, r := range mod.Require {
		floor, known := floors[r.Path]
		switch {
		case r.Indirect:
		case !known:
			found = append(found, r.Path+" has no floor: list the oldest version that works")
		case r.Version != floor:
			found = append(found, fmt.Sprintf("%s is %s, want %s", r.Path, r.Version, floor))
		}
	}
	for _, r := range mod.Replace {
		found = append(found, r.Old.Path+" is replaced, which an importer does not see")
	}
	for _, tool := range mod.Tool {
		found = append(found, tool.Path+" is a tool, which belongs in a module of its own")
	}
	return found
}

// readGoMod has the go command read a go.mod: the file itself, even if a run takes other versions by -modfile.
func readGoMod(t *testing.T, file string) goMod {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json", file).Output()
	if err != nil {
		t.Fatalf("read %s: %v", file, err)
	}
	var mod goMod
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatalf("read %s: %v", file, err)
	}
	return mod
}

func TestRootModuleStaysAtTheFloors(t *testing.T) {
	mod := readGoMod(t, filepath.Join(top, "go.mod"))
	if len(mod.Require) == 0 {
		t.Fatal("the root go.mod requires nothing: it was not read")
	}
	for _, line := range offFloor(mod) {
		t.Errorf("root go.mod: %s", line)
	}
}

// The run of the bed with the floors is one with the floors only if its go.mod says so.
func TestBedRunsAtTheFloors(t *testing.T) {
	held := 0
	for _, r := range readGoMod(t, filepath.Join(top, "internal", "e2e", "floors.mod")).Require {
		if floor, known := floors[r.Path]; known && r.Version != floor {
			t.Errorf("floors.mod of the bed: %s is %s, want %s", r.Path, r.Version, floor)
		} else if known {
			held++
		}
	}
	if held < 5 {
		t.Errorf("floors.mod of the bed holds %d of the floors: it was not read", held)
	}
}

func TestOffFloor(t *testing.T) {
	const sound = "module m\ngo 1.25.0\nrequire k8s.io/api v0.34.0\nrequire example.com/deep v1.0.0 // indirect\n"
	for _, c := range []struct{ name, text, want string }{
		{"at the floors", sound, ""},
		{"newer go", strings.Replace(sound, "1.25.0", "1.26.0", 1), "go is 1.26.0, want 1.25.0"},
		{"toolchain", sound + "toolchain go1.27.0\n", "toolchain go1.27.0 is nothing to an importer"},
		{"higher", strings.Replace(sound, "v0.34.0", "v0.34.1", 1), "k8s.io/api is v0.34.1, want v0.34.0"},
		{"lower", strings.Replace(sound, "v0.34.0", "v0.33.9", 1), "k8s.io/api is v0.33.9, want v0.34.0"},
		{"unlisted", sound + "require example.com/new v1.0.0\n", "example.com/new has no floor: list the oldest version that works"},
		{"replace", sound + "replace k8s.io/api => ../api\n", "k8s.io/api is replaced, which an importer does not see"},
		{"tool", sound + "tool example.com/deep/cmd\n", "example.com/deep/cmd is a tool, which belongs in a module of its own"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "go.mod")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			var want []string
			if c.want != "" {
				want = []string{c.want}
			}
			if got := offFloor(readGoMod(t, file)); !slices.Equal(got, want) {
				t.Errorf("the report is %q, want %q", got, want)
			}
		})
	}
}
