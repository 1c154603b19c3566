package kubeadm

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// useConfigFile takes the settings of an etcd from its --config-file, if it has one: etcd then ignores all other flags and
// variables (server/etcdmain/config.go in etcd-io/etcd).
func (p *program) useConfigFile(root fs.FS) error {
	config := p.hostPath(p.flag("config-file", ""))
	if p.err != nil || config == (Setting{}) {
		return p.err
	}
	name, err := nameInRoot(config)
	if err != nil {
		return err
	}
	if err := p.readConfigFile(root, name); err != nil {
		return fmt.Errorf("%s: %w", config.Source, err)
	}
	return nil
}

func (p *program) readConfigFile(root fs.FS, name string) error {
	var settings map[string]any
	if err := readYAML(root, name, &settings); err != nil {
		return err
	}
	p.file, p.inFile, p.envPrefix, p.flags = name, true, "", configFlags(settings, "")
	return nil
}

// sections of etcd's configuration file hold what are flags of their own on a command line, some with a prefix.
var sections = map[string]string{"client-transport-security": "", "peer-transport-security": "peer-"}

// configFlags gives what stands in a configuration file as flags, in the order of their names.
func configFlags(settings map[string]any, prefix string) []flagValue {
	var flags []flagValue
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		switch v := settings[key].(type) {
		case map[string]any:
			if more, ok := sections[key]; ok && prefix == "" {
				flags = append(flags, configFlags(v, more)...)
			}
		case []any:
			var list []string
			for _, item := range v {
				list = append(list, scalar(item))
			}
			flags = append(flags, flagValue{name: prefix + key, text: strings.Join(list, ",")})
		default:
			flags = append(flags, flagValue{name: prefix + key, text: scalar(v)})
		}
	}
	return flags
}

func scalar(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
