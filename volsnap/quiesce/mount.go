package quiesce

import (
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// claimAt is the name of the claim that is mounted there. It refuses what can't be meant, before anything is frozen.
func (p *Pod) claimAt(m Mount) (string, error) {
	if !path.IsAbs(m.Path) || path.Clean(m.Path) == "/" || strings.ContainsRune(m.Path, 0) {
		return "", fmt.Errorf("freeze %.200q: want the absolute path of a mount point, and not /", m.Path)
	}
	name, err := p.container(m.Container)
	if err != nil {
		return "", fmt.Errorf("freeze %.200q: %w", m.Path, err)
	}
	mount := p.mountedAt(name, m.Path)
	if mount == nil {
		return "", fmt.Errorf("freeze %.200q: container %s has no volumeMount there, and the folder may be of the node's file system",
			m.Path, name)
	}
	for _, v := range p.Spec.Volumes {
		switch {
		case v.Name != mount.Name:
		case v.PersistentVolumeClaim != nil:
			return v.PersistentVolumeClaim.ClaimName, nil
		case v.Ephemeral != nil: // see k8s.io/component-helpers/storage/ephemeral
			return p.Name + "-" + v.Name, nil
		}
	}
	return "", fmt.Errorf("freeze %.200q: volume %s of the pod is no claim, and may be of the node's file system", m.Path,
		mount.Name)
}

// escaped is a path as /proc/self/mountinfo has it.
var escaped = strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`)

// mountedAt is what a container mounts at a path, nil for nothing.
func (p *Pod) mountedAt(container, at string) *corev1.VolumeMount {
	for _, c := range slices.Concat(p.Spec.Containers, p.Spec.InitContainers) {
		if c.Name != container {
			continue
		}
		for _, m := range c.VolumeMounts {
			if path.Clean(m.MountPath) == path.Clean(at) {
				return &m
			}
		}
	}
	return nil
}

// seen are the mount point as /proc/self/mountinfo has it, and "part" if a part of the volume is mounted there.
func (p *Pod) seen(m Mount) (at, part string) {
	name, _ := p.container(m.Container) // it was found before
	if mount := p.mountedAt(name, m.Path); mount != nil && (mount.SubPath != "" || mount.SubPathExpr != "") {
		part = "part"
	}
	return escaped.Replace(path.Clean(m.Path)), part
}
