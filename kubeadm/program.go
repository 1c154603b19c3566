package kubeadm

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// program is something that runs a known command: a container, or a process of the node itself. Its first error sticks, so
// that its user reads one value a line and looks at err at the end.
type program struct {
	file      string
	manifest  string            // file, unless settings stand in one of their own
	pod       *corev1.Pod       // nil for a process of the node
	container *corev1.Container // nil, too
	// envPrefix is that of the variables which the program reads where it has
	// no flag; empty if it reads none.
	envPrefix string
	env       []corev1.EnvVar
	flags     []flagValue // in the order of the command line
	inFile    bool        // they stand in file by their names, as in a configuration file
	err       error
}

type flagValue struct {
	name, text string
	bare       bool
}

// programs returns the containers whose command is name, also where a shell starts it. Which container of a
// pod that is cannot be known by its place: a patch that adds a sidecar puts it
// first.
func programs(pods []staticPod, name string) ([]*program, error) {
	var found []*program
	for _, p := range pods {
		for i := range p.pod.Spec.Containers {
			container := &p.pod.Spec.Containers[i]
			args, ok, err := arguments(slices.Concat(container.Command, container.Args), name)
			if err != nil {
				return nil, fmt.Errorf("%s: container %s: %w", p.file, container.Name, err)
			}
			if !ok || len(container.Command) == 0 {
				continue
			}
			found = append(found, &program{
				envPrefix: envPrefix(name),
				env:       container.Env,
				file:      p.file,
				manifest:  p.file,
				pod:       p.pod,
				container: container,
				flags:     parseFlags(args),
			})
			if name != "etcd" { // those of Kubernetes take underscores, too (WordSepNormalizeFunc in k8s.io/component-base)
				for i, f := range found[len(found)-1].flags {
					found[len(found)-1].flags[i].name = strings.ReplaceAll(f.name, "_", "-")
				}
			}
		}
	}
	return found, nil
}

func envPrefix(name string) string {
	if name == "etcd" {
		return "ETCD_"
	}
	return ""
}

// arguments returns those of a program, if argv runs it.
func arguments(argv []string, name string) (args []string, ok bool, err error) {
	if len(argv) > 0 && path.Base(argv[0]) == name {
		return argv[1:], true, nil
	}
	text, ok := script(argv)
	if !ok {
		return nil, false, nil
	}
	args, dynamic, found := inScript(text, name)
	switch {
	case found == 0:
		return nil, false, nil
	case found > 1:
		return nil, false, fmt.Errorf("its shell runs %s in %d places: %w: make it one", name, found, ErrDynamicCommand)
	case dynamic:
		return nil, false, fmt.Errorf("its shell works out flags of %s: %w: write them out", name, ErrDynamicCommand)
	}
	return args, true, nil
}

// parseFlags reads --flag=value, --flag value and bare flags, with one dash or two.
func parseFlags(args []string) []flagValue {
	var flags []flagValue
	for i := 0; i < len(args); i++ {
		if !strings.HasPrefix(args[i], "-") {
			continue
		}
		word := strings.TrimPrefix(strings.TrimPrefix(args[i], "-"), "-")
		name, text, hasText := strings.Cut(word, "=")
		if !hasText && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
			i++
			text, hasText = args[i], true
		}
		flags = append(flags, flagValue{name, text, !hasText})
	}
	return flags
}

// flag returns what the program takes for a flag, or fallback where its manifest
// says nothing; the zero Setting if fallback is empty too.
func (p *program) flag(name, fallback string) Setting {
	setting := p.declared(name)
	if setting == (Setting{}) && fallback != "" {
		setting = Setting{Value: fallback, Source: p.source(p.key(name))}
		setting.Source.Rule = "default"
	}
	if strings.Contains(setting.Value, "$(") {
		p.fail(fmt.Errorf("%s is %q: %w: write the value out", setting.Source, setting.Value, ErrDynamicCommand))
	}
	return setting
}

// list returns a flag whose repetitions add up, as of kube-apiserver.
func (p *program) list(name string) Setting {
	last := p.flag(name, "")
	var all []string
	for _, f := range p.flags {
		if f.name == name && f.text != "" {
			all = append(all, f.text)
		}
	}
	if len(all) > 1 {
		last.Value = strings.Join(all, ",")
	}
	return last
}

// declared returns the value of a flag or, if it is absent, of its environment
// variable. An empty variable counts as none (SetFlagsFromEnv in etcd's
// pkg/flags); of a repeated one the last counts.
func (p *program) declared(name string) Setting {
	for _, value := range slices.Backward(p.flags) { // of a repeated one the last counts
		if value.name != name {
			continue
		}
		if value.bare {
			p.fail(fmt.Errorf("%s has no value: give it one", p.source(p.key(name))))
		}
		if value.text == "" {
			return Setting{} // as if it were not there, and a variable counts no more
		}
		return Setting{Value: value.text, Source: p.source(p.key(name))}
	}
	if p.envPrefix == "" {
		return Setting{}
	}
	key := p.envPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	for _, variable := range slices.Backward(p.env) {
		if variable.Name != key {
			continue
		}
		if variable.ValueFrom != nil {
			p.fail(fmt.Errorf("%s is set by valueFrom: %w: write the value out", p.source(key), ErrDynamicCommand))
		}
		if variable.Value == "" {
			break
		}
		return Setting{Value: variable.Value, Source: p.source(key)}
	}
	return Setting{}
}

// key is how a flag is written.
func (p *program) key(flag string) string {
	if p.inFile {
		return flag
	}
	return "--" + flag
}

func (p *program) source(key string) Source {
	source := Source{File: p.file, Key: key}
	if p.container != nil && !p.inFile {
		source.Container = cmp.Or(p.container.Name, "(unnamed)")
	}
	return source
}

// image is the container's.
func (p *program) image() Setting {
	if p.container == nil {
		return Setting{}
	}
	return Setting{Value: p.container.Image, Source: Source{File: p.manifest, Container: p.container.Name, Key: "image"}}
}

func (p *program) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}
