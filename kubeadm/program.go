package kubeadm

import (
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// program is a container that runs a known command. Its first error sticks, so
// that its user reads one value a line and looks at err at the end.
type program struct {
	file      string
	pod       *corev1.Pod
	container *corev1.Container
	// envPrefix is that of the variables which the program reads where it has
	// no flag; empty if it reads none.
	envPrefix string
	flags     []flagValue // in the order of the command line
	err       error
}

type flagValue struct {
	name, text string
	bare       bool
}

// programs returns the containers whose command is name. Which container of a
// pod that is cannot be known by its place: a patch that adds a sidecar puts it
// first.
func programs(pods []staticPod, name string) []*program {
	var found []*program
	for _, p := range pods {
		for i := range p.pod.Spec.Containers {
			container := &p.pod.Spec.Containers[i]
			if len(container.Command) == 0 || path.Base(container.Command[0]) != name {
				continue
			}
			prefix := ""
			if name == "etcd" {
				prefix = "ETCD_"
			}
			found = append(found, &program{
				envPrefix: prefix,
				file:      p.file,
				pod:       p.pod,
				container: container,
				flags:     parseFlags(slices.Concat(container.Command[1:], container.Args)),
			})
		}
	}
	return found
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
		setting = Setting{Value: fallback, Source: p.source("--" + name)}
		setting.Source.Rule = "default"
	}
	if strings.Contains(setting.Value, "$(") {
		p.fail(fmt.Errorf("%s is %q: %w: write the value out", setting.Source, setting.Value, ErrDynamicCommand))
	}
	return setting
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
			p.fail(fmt.Errorf("%s has no value: give it one", p.source("--"+name)))
		}
		return Setting{Value: value.text, Source: p.source("--" + name)}
	}
	if p.envPrefix == "" {
		return Setting{}
	}
	key := p.envPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	for _, variable := range slices.Backward(p.container.Env) {
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

func (p *program) source(key string) Source {
	return Source{File: p.file, Container: p.container.Name, Key: key}
}

func (p *program) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}
