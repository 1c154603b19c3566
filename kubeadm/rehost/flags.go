package rehost

import (
	"path"
	"strings"
)

// Which flags of which program hold a name or an address of their own node, and in what form. Other flags that do, such as
// the issuer of tokens, mean something to others, and only a person can change them.
var rules = map[string]map[string]func(swap, string) string{
	"etcd": {
		"name":                        swap.name,
		"listen-client-urls":          locals,
		"listen-client-http-urls":     locals,
		"listen-metrics-urls":         locals,
		"listen-peer-urls":            locals,
		"advertise-client-urls":       locals,
		"initial-advertise-peer-urls": locals,
		"initial-cluster":             swap.cluster,
	},
	"kube-apiserver": {
		"advertise-address":      swap.host,
		"bind-address":           swap.host,
		"etcd-servers":           locals,
		"etcd-servers-overrides": swap.overrides,
	},
	"kube-controller-manager": {"bind-address": swap.host, "address": swap.host, "master": hosts},
	"kube-scheduler":          {"bind-address": swap.host, "address": swap.host, "master": hosts},
}

func locals(s swap, list string) string { return each(list, ",", s.local) }

func hosts(s swap, list string) string { return each(list, ",", s.host) }

// rewrite gives what a program is to be told, by a flag.
func (s swap) rewrite(program, flag, value string) string {
	if rule := rules[program][flagName(program, flag)]; rule != nil {
		return rule(s, value)
	}
	return value
}

// flagName is how rules know a flag: without dashes before it, and for Kubernetes' programs with none of the
// underscores that these take, too (WordSepNormalizeFunc in k8s.io/component-base).
func flagName(program, flag string) string {
	flag = strings.TrimPrefix(strings.TrimPrefix(flag, "-"), "-")
	if program != "etcd" {
		flag = strings.ReplaceAll(flag, "_", "-")
	}
	return flag
}

// variable is the environment variable for a flag of etcd, which reads those (SetFlagsFromEnv in its pkg/flags).
func variable(flag string) string {
	return "ETCD_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// programOf is the one of rules that a command runs, itself or through a shell's script.
func programOf(argv []string) string {
	if len(argv) == 0 {
		return ""
	}
	if name := path.Base(argv[0]); rules[name] != nil {
		return name
	}
	if !isShell(argv[0]) {
		return ""
	}
	for _, arg := range argv[1:] {
		for _, word := range strings.Fields(arg) {
			if name := path.Base(strings.Trim(word, `'";`)); rules[name] != nil {
				return name
			}
		}
	}
	return ""
}

func isShell(command string) bool {
	switch path.Base(command) {
	case "sh", "ash", "bash", "dash":
		return true
	}
	return false
}
