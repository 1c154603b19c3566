package aftermath

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// machinery are directories of a node that belong to the node, its container runtime, its kubelet or its pod network.
var machinery = []string{
	"/boot", "/dev", "/etc", "/lib", "/lib64", "/opt/cni", "/proc", "/run", "/sys", "/usr", "/var/lib/cni", "/var/lib/containerd",
	"/var/lib/containers", "/var/lib/docker", "/var/lib/kubelet", "/var/log", "/var/run",
}

// holdsData reports whether a hostPath is one in which a pod keeps data: it writes there, and it is nothing of the node's own.
func holdsData(source *corev1.HostPathVolumeSource, volume string, spec *corev1.PodSpec) bool {
	if source.Type != nil {
		switch *source.Type {
		case corev1.HostPathSocket, corev1.HostPathCharDev, corev1.HostPathBlockDev:
			return false
		}
	}
	at := path.Clean(source.Path)
	if slices.ContainsFunc(machinery, func(dir string) bool { return at == dir || strings.HasPrefix(at, dir+"/") }) {
		return false
	}
	writes := func(c corev1.Container) bool {
		return slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == volume && !m.ReadOnly })
	}
	return slices.ContainsFunc(spec.Containers, writes) || slices.ContainsFunc(spec.InitContainers, writes)
}

const nextLocal = "the data are of now and the objects of the snapshot: see whether the program takes that, or bring the " +
	"data back by the program's own means"

// localData names what pods keep in directories of their nodes, once for all pods of one owner.
func (in *inspection) localData(context.Context) error {
	type place struct {
		owner Object
		path  string
	}
	on := map[place][]string{}
	for _, p := range in.podsInOrder() {
		if p.node == "" || p.ended() {
			continue
		}
		for _, dir := range p.paths {
			at := place{p.owner, dir}
			if !slices.Contains(on[at], p.node) {
				on[at] = append(on[at], p.node)
			}
		}
	}
	for at, nodes := range on {
		slices.Sort(nodes)
		in.report.add(Finding{
			Kind: LocalData, Severity: Look, Object: at.owner, Next: nextLocal,
			What: fmt.Sprintf("keeps data in %s of %s", plain(at.path, maxError), some(nodes)),
		})
	}
	return nil
}

// localVolumes names the volumes that are directories or disks of nodes and that pods use.
func (in *inspection) localVolumes(volumes map[string]volume, users map[string][]*pod) {
	for name, v := range volumes {
		if v.path == "" || len(users[name]) == 0 {
			continue
		}
		var pods, nodes []string
		for _, p := range users[name] {
			pods = append(pods, p.namespace+"/"+p.name)
			if p.node != "" && !slices.Contains(nodes, p.node) {
				nodes = append(nodes, p.node)
			}
		}
		where := some(nodes)
		if where == "" {
			where = "no node yet"
		}
		in.report.add(Finding{
			Kind: LocalData, Severity: Look, Object: v.object, Next: nextLocal,
			What: fmt.Sprintf("%s keeps data in it, at %s of %s", some(pods), plain(v.path, maxError), where),
		})
	}
}
