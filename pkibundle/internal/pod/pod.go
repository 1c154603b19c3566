// Package pod reads from a static pod manifest what its programs are told, as far as that stands there in plain words.
// Package kubeadm knows more forms; what is not understood here is not there.
package pod

import (
	"path"
	"strings"

	"sigs.k8s.io/yaml"
)

// Program is what a container runs.
type Program struct {
	Name  string // of the command, such as "kube-apiserver"
	Image string
	Flags map[string][]string // by name without dashes, in the order of the command line
}

// Flag returns the last value of a flag, which is the one that counts.
func (p *Program) Flag(name string) string {
	if values := p.Flags[name]; len(values) > 0 {
		return values[len(values)-1]
	}
	return ""
}

// Programs reads those of a manifest in YAML or JSON; none if it is no manifest of a pod.
func Programs(manifest []byte) []Program {
	var file struct {
		Kind string `json:"kind"`
		Spec struct {
			Containers []struct {
				Image   string   `json:"image"`
				Command []string `json:"command"`
				Args    []string `json:"args"`
			} `json:"containers"`
		} `json:"spec"`
	}
	if yaml.Unmarshal(manifest, &file) != nil || file.Kind != "Pod" {
		return nil
	}
	var found []Program
	for _, c := range file.Spec.Containers {
		if argv := append(c.Command[:len(c.Command):len(c.Command)], c.Args...); len(argv) > 0 {
			found = append(found, Program{Name: path.Base(argv[0]), Image: c.Image, Flags: flags(argv[1:])})
		}
	}
	return found
}

// flags reads --flag=value, --flag value and bare flags, which are "true".
func flags(args []string) map[string][]string {
	found := map[string][]string{}
	for i := 0; i < len(args); i++ {
		word, ok := strings.CutPrefix(args[i], "-")
		if !ok {
			continue
		}
		name, value, hasValue := strings.Cut(strings.TrimPrefix(word, "-"), "=")
		if !hasValue {
			value = "true"
			if i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
				i++
				value = args[i]
			}
		}
		found[name] = append(found[name], value)
	}
	return found
}
