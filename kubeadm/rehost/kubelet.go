package rehost

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// KubeletFlags rewrites the file in which kubeadm has the flags of a kubelet, var/lib/kubelet/kubeadm-flags.env, for another
// host: --node-ip and --hostname-override. Hostname is what the new machine calls itself. As for kubeadm, a node of another
// name than that needs --hostname-override, and no other does (buildKubeletArgsCommon in cmd/kubeadm/app/phases/kubelet of
// kubernetes/kubernetes).
//
// All else stays as it is, flags that people have added too: see [Mentions]. The error is of a file that kubeadm has not
// written, or whose KUBELET_KUBEADM_ARGS it could not have.
func KubeletFlags(f File, from, to Host, hostname string) (File, []Change, error) {
	moved, changes, err := kubeletFlags(f, from.plain(), to.plain(), hostname)
	if err != nil {
		return File{}, nil, fmt.Errorf("rewrite flags of the kubelet: %s: %w", clean(f.Path), err)
	}
	return moved, changes, nil
}

func kubeletFlags(f File, from, to Host, hostname string) (File, []Change, error) {
	if len(f.Data) > maxFile {
		return File{}, nil, fmt.Errorf("it is larger than %d bytes: this is not what it should be", maxFile)
	}
	if err := errors.Join(from.check(), to.check()); err != nil {
		return File{}, nil, err
	}
	at := kubeletArgs.FindAllSubmatchIndex(f.Data, 2)
	if len(at) != 1 {
		return File{}, nil, errors.New(`it has not one line KUBELET_KUBEADM_ARGS="...": write one as kubeadm does`)
	}
	start, end := at[0][2], at[0][3]
	e := &editor{swap: swap{from, to}, document: &document{path: f.Path}}
	args := e.kubelet(strings.Fields(string(f.Data[start:end])), strings.ToLower(strings.TrimSpace(hostname)))
	data := slices.Concat(f.Data[:start], []byte(strings.Join(args, " ")), f.Data[end:])
	return File{f.Path, data}, e.changes, nil
}

// No value of kubeadm's has a quote, or what a shell or systemd would work out.
var kubeletArgs = regexp.MustCompile("(?m)^KUBELET_KUBEADM_ARGS=\"([^\"$`\\\\\r\n]*)\"[ \t]*$")

// kubelet rewrites arguments in the form --flag=value.
func (e *editor) kubelet(args []string, hostname string) []string {
	const override = "--hostname-override"
	old := ""
	kept := []string{}
	for _, arg := range args {
		flag, value, _ := strings.Cut(arg, "=")
		switch flag {
		case override:
			old = value
			continue
		case "--node-ip":
			arg = flag + "=" + e.changed(flag, value, e.nodeIP(value))
		}
		kept = append(kept, arg)
	}
	next := ""
	if e.to.Name != hostname {
		next = e.to.Name
		kept = append(kept, override+"="+next)
	}
	e.changed(override, old, next)
	return kept
}

// nodeIP is one address, or two of different families.
func (s swap) nodeIP(list string) string {
	parts := strings.Split(list, ",")
	for i, part := range parts {
		parts[i] = s.host(part)
	}
	return strings.Join(parts, ",")
}
