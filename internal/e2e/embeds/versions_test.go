package embeds

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const library = "github.com/clustersnap/clustersnap"

// brought is what a library brings to an operator on controller-runtime v0.22 that links one of these packages: modules that
// are new to it, and modules that move. A line more is a price for everybody who imports clustersnap: it wants a reason.
var brought = map[string][]string{
	// What etcd's API v3.6.8 requires.
	library + "/manifests": {
		library + " new",
		"golang.org/x/net v0.38.0 to v0.47.0",
		"golang.org/x/sys v0.31.0 to v0.38.0",
		"golang.org/x/term v0.30.0 to v0.37.0",
		"golang.org/x/text v0.23.0 to v0.31.0",
	},
	// And what age v1.3.1 does.
	library + "/manifests/tree": {
		"filippo.io/age new",
		"filippo.io/hpke new",
		library + " new",
		"golang.org/x/crypto v0.36.0 to v0.45.0",
		"golang.org/x/net v0.38.0 to v0.47.0",
		"golang.org/x/sys v0.31.0 to v0.38.0",
		"golang.org/x/term v0.30.0 to v0.37.0",
		"golang.org/x/text v0.23.0 to v0.31.0",
	},
	// The operator itself links x/sync by controller-runtime.
	".": {
		"filippo.io/age new",
		"filippo.io/hpke new",
		library + " new",
		"golang.org/x/crypto v0.36.0 to v0.45.0",
		"golang.org/x/net v0.38.0 to v0.47.0",
		"golang.org/x/sync v0.12.0 to v0.18.0",
		"golang.org/x/sys v0.31.0 to v0.38.0",
		"golang.org/x/term v0.30.0 to v0.37.0",
		"golang.org/x/text v0.23.0 to v0.31.0",
	},
}

// The operator in testdata has none of the library; its go.mod is what "go mod tidy" makes for controller-runtime v0.22.0.
func TestVersions(t *testing.T) {
	t.Parallel()
	before := versions(t, "testdata/before", "-m", "-f", "{{.Path}} {{.Version}}", "all")
	for pkg, want := range brought {
		linked := versions(t, operator, "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", pkg)
		if got := moves(before, linked); !slices.Equal(got, want) {
			t.Errorf("an operator that links %s gets\n\t%s\nwant\n\t%s", pkg, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
		}
	}
	kubernetes := 0
	for path, version := range versions(t, operator, "-m", "-f", "{{.Path}} {{.Version}}", "all") {
		if was, had := before[path]; had && (strings.HasPrefix(path, "k8s.io/") || strings.HasPrefix(path, "sigs.k8s.io/")) {
			kubernetes++
			if version != was {
				t.Errorf("%s moves from %s to %s, linked or not", path, was, version)
			}
		}
	}
	if kubernetes < 10 {
		t.Errorf("%d modules of Kubernetes were held: the list was not read", kubernetes)
	}
	if was, is := goLine(t, "testdata/before"), goLine(t, operator); is != was || was == "" {
		t.Errorf("the go line moves from %q to %q", was, is)
	}
}

// moves are the modules of after that are not in before as they are, sorted.
func moves(before, after map[string]string) []string {
	var all []string
	for path, version := range after {
		if was, had := before[path]; !had {
			all = append(all, path+" new")
		} else if version != was {
			all = append(all, path+" "+was+" to "+version)
		}
	}
	slices.Sort(all)
	return all
}

// versions gives the version of each module that go list prints.
func versions(t *testing.T, dir string, args ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for line := range strings.Lines(string(run(t, "go", append([]string{"list", "-C", dir}, args...)...))) {
		path, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		all[path] = version
	}
	delete(all, "")
	return all
}

// goLine is the lowest Go that a module takes.
func goLine(t *testing.T, dir string) string {
	t.Helper()
	var mod struct{ Go, Toolchain string }
	must(t, json.Unmarshal(run(t, "go", "mod", "edit", "-C", dir, "-json"), &mod))
	if mod.Toolchain != "" {
		t.Errorf("%s asks for %s", dir, mod.Toolchain)
	}
	return mod.Go
}

// run gives what a program prints, which must succeed.
func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if exit, ok := err.(*exec.ExitError); ok {
		t.Fatalf("%s %q: %v\n%s", name, args, err, exit.Stderr)
	}
	must(t, err)
	return out
}
