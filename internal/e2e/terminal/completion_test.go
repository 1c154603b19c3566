package terminal

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
)

// completed are the lines that the command offers to a shell.
func completed(t testing.TB, words ...string) []string {
	t.Helper()
	o := command.Run(t, "", append([]string{"__complete"}, words...)...)
	if o.Code != 0 {
		t.Fatalf("complete %q: exit %d\n%s", words, o.Code, o.Stderr)
	}
	lines := strings.Split(strings.TrimSpace(o.Stdout), "\n")
	return lines[:len(lines)-1] // the last one tells the shell whether files may follow
}

// What a shell offers is what can follow: files where a FILE is wanted, and nothing where nobody knows.
func TestCompletion(t *testing.T) {
	const files, none, dirs, part = ":0", ":4", ":16", ":6"
	for _, c := range []struct {
		line   string
		offers []string // some of it
		then   string
	}{
		{"ls -o ''", []string{"table", "json", "yaml"}, none},
		{"get x y -o ''", []string{"yaml", "json"}, none},
		{"etcd top --by ''", []string{"resource", "namespace", "object"}, none},
		{"recover x --policy ''", []string{"skip", "replace"}, none},
		{"manifests dump --secrets ''", []string{"exclude", "encrypt"}, none},
		{"ls x --class ''", []string{"user", "completed"}, none},
		{"volumes take --hooks ''", []string{"none", "velero"}, none},
		{"volumes take --accept ''", []string{"hostPath"}, none},
		{"ls x ''", []string{"configmaps", "secrets"}, none},
		{"get x ''", []string{"configmaps/", "secrets/"}, part},
		{"recover x ''", []string{"deployments/"}, part},
		{"ls ''", nil, files}, {"backup --to ''", nil, files}, {"verify x --identity ''", nil, files},
		{"backup --root ''", nil, dirs}, {"export x ''", nil, dirs},
		{"backup --cluster ''", nil, none}, {"discover ''", nil, none}, {"get x configmaps/''", nil, none},
	} {
		words := strings.Fields(strings.ReplaceAll(c.line, "''", ""))
		if strings.HasSuffix(c.line, " ''") {
			words = append(words, "")
		}
		lines := strings.Split(strings.TrimSpace(command.Run(t, "", append([]string{"__complete"}, words...)...).Stdout), "\n")
		for _, offer := range c.offers {
			if !slices.Contains(lines, offer) {
				t.Errorf("%s: %q is not offered: %q", c.line, offer, lines)
			}
		}
		if then := lines[len(lines)-1]; then != c.then || c.offers == nil && len(lines) != 1 {
			t.Errorf("%s: offered are %q, and then %s: want %s", c.line, lines, then, c.then)
		}
	}
}

// Bash itself completes: the kinds that a snapshot has, as no list of the command's own could know them.
func TestBashCompletes(t *testing.T) {
	_, set, key, _ := aNode(t)
	dir := t.TempDir()
	command.Good(t, command.Run(t, "", "export", set, filepath.Join(dir, "objects"), "--identity", key))
	for line, want := range map[string]string{
		"clustersnap ls objects stat":               "statefulsets.apps",
		"clustersnap ls nosuch stat":                "statefulsets",
		"clustersnap etcd in":                       "info",
		"clustersnap manifests dump --secrets excl": "exclude",
		"clustersnap ls obj":                        "objects",
	} {
		if got := strings.TrimSpace(bash(t, dir, line)); got != want {
			t.Errorf("bash completes %q to %q, want %q", line, got, want)
		}
	}
}

// bash gives what the last word of a line becomes, at the end of which somebody has asked for it.
func bash(t testing.TB, dir, line string) string {
	t.Helper()
	cmd := exec.Command("bash", "-c", `
source /usr/share/bash-completion/bash_completion
source <(clustersnap completion bash)
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_KEY=9
read -ra COMP_WORDS <<< "$1"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
compopt() { :; } # which is for a line that somebody is typing
__start_clustersnap
if ((${#COMPREPLY[@]} == 0)); then COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")); fi
printf '%s\n' "${COMPREPLY[@]}"`, "bash", line)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "PATH="+filepath.Dir(command.Path(t))+":/usr/bin:/bin")
	o := command.Of(t, cmd, cmd.Run)
	if o.Code != 0 || o.Stderr != "" {
		t.Fatalf("%q: exit %d\n%s", line, o.Code, o.Stderr)
	}
	return o.Stdout
}
