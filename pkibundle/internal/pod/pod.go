// Package pod reads from a static pod manifest what its programs are told, as far as that stands there in plain words.
// Package kubeadm knows more forms; what is not understood here is not there.
package pod

import (
	"path"
	"slices"
	"strings"

	"github.com/clustersnap/clustersnap/internal/boundedyaml"
)

// Program is what a container runs.
type Program struct {
	Name  string // of the command, such as "kube-apiserver"
	Image string
	Flags map[string][]string // by name without dashes, in the order of the command line
	Path  string              // of the manifest, if ByName has read it

	mounts []mount
}

// mount is a directory or file of the node, and where the program sees it.
type mount struct{ inside, onNode string }

// Flag returns the last value of a flag, which is the one that counts. A program that is not there has none.
func (p *Program) Flag(name string) string {
	if p == nil || len(p.Flags[name]) == 0 {
		return ""
	}
	return p.Flags[name][len(p.Flags[name])-1]
}

// OnNode gives the node's path of one that the program sees: through the hostPath volume that covers it most
// closely. Without one it is the same.
func (p *Program) OnNode(name string) string {
	if p == nil || !path.IsAbs(name) {
		return name
	}
	longest, found := -1, name
	for _, m := range p.mounts {
		rest, ok := strings.CutPrefix(path.Clean(name), m.inside)
		if ok && (rest == "" || rest[0] == '/') && len(m.inside) > longest {
			longest, found = len(m.inside), path.Join(m.onNode, rest)
		}
	}
	return found
}

// ByName reads the programs of several manifests. Of one name the first counts, and files in a directory of manifests come
// before others: those may be patches for kubeadm, which are no whole pods. Read gives path and contents of a file.
func ByName[F any](files []F, read func(F) (name string, manifest []byte)) map[string]*Program {
	found := map[string]*Program{}
	for _, manifests := range []bool{true, false} {
		for _, f := range files {
			name, manifest := read(f)
			if strings.HasSuffix(path.Dir(name), "manifests") != manifests {
				continue
			}
			for _, p := range Programs(manifest) {
				if found[p.Name] == nil {
					p.Path = name
					found[p.Name] = &p
				}
			}
		}
	}
	return found
}

// manifestFile is what is read of a manifest.
type manifestFile struct {
	Kind string `json:"kind"`
	Spec struct {
		Containers []struct {
			Image   string   `json:"image"`
			Command []string `json:"command"`
			Args    []string `json:"args"`
			Mounts  []struct {
				Name      string `json:"name"`
				MountPath string `json:"mountPath"`
				SubPath   string `json:"subPath"`
			} `json:"volumeMounts"`
		} `json:"containers"`
		Volumes []struct {
			Name     string `json:"name"`
			HostPath struct {
				Path string `json:"path"`
			} `json:"hostPath"`
		} `json:"volumes"`
	} `json:"spec"`
}

// Programs reads those of a manifest in YAML or JSON; none if it is no manifest of a pod.
func Programs(manifest []byte) []Program {
	var file manifestFile
	if boundedyaml.Unmarshal(manifest, &file) != nil || file.Kind != "Pod" {
		return nil
	}
	onNode := map[string]string{} // volumes, by name
	for _, v := range file.Spec.Volumes {
		onNode[v.Name] = v.HostPath.Path
	}
	var found []Program
	for _, c := range file.Spec.Containers {
		argv := slices.Concat(c.Command, c.Args)
		if len(argv) == 0 || strings.HasPrefix(argv[0], "-") { // the image says what it runs
			continue
		}
		p := Program{Name: path.Base(argv[0]), Image: c.Image, Flags: flags(argv[1:])}
		for _, m := range c.Mounts {
			if host := onNode[m.Name]; host != "" {
				p.mounts = append(p.mounts, mount{strings.TrimSuffix(path.Clean(m.MountPath), "/"), path.Join(host, m.SubPath)})
			}
		}
		found = append(found, p)
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
