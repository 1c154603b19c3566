package kubeadm

import (
	"cmp"
	"io/fs"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// others are the containers that run no part of the control plane: a KMS plugin, a load balancer in front of the API
// servers. Without them, and without what they read, a restored node does not come up.
func others(pods []staticPod) []*program {
	var found []*program
	for _, p := range pods {
		if slices.ContainsFunc(controlPlane, func(name string) bool { return runs(p, name) }) {
			continue
		}
		for i := range p.pod.Spec.Containers {
			found = append(found, &program{file: p.file, manifest: p.file, pod: p.pod, container: &p.pod.Spec.Containers[i]})
		}
	}
	return found
}

// runs says whether one of the pod's containers runs a program.
func runs(p staticPod, name string) bool {
	for _, c := range p.pod.Spec.Containers {
		if _, ok, err := arguments(slices.Concat(c.Command, c.Args), name); ok || err != nil {
			return true
		}
	}
	return false
}

// name is that of its command or, where the image brings that, of the container.
func (p *program) name() string {
	if len(p.container.Command) > 0 {
		return path.Base(p.container.Command[0])
	}
	return cmp.Or(p.container.Name, "(unnamed)")
}

// mounts are the hostPath volumes of its container; none for a process of the node, which sees all.
func (p *program) mounts() []Mount {
	if p.container == nil {
		return []Mount{{Path: "/", OnNode: "/"}}
	}
	var found []Mount
	for _, m := range p.container.VolumeMounts {
		volume := hostVolume(p.pod, m.Name)
		if volume == "" || m.SubPathExpr != "" || m.SubPath != "" && !fs.ValidPath(path.Clean(m.SubPath)) {
			continue
		}
		found = append(found, Mount{Path: path.Clean(m.MountPath), OnNode: path.Join(volume, m.SubPath)})
	}
	return found
}

// mountedFiles are the files of the node that the container mounts, and the directories of /etc that it may only read.
// What it may write is data.
func (p *program) mountedFiles(root fs.FS) []Setting {
	var found []Setting
	for _, m := range p.mounts() {
		info, err := fs.Stat(root, strings.TrimPrefix(m.OnNode, "/"))
		readOnly := slices.ContainsFunc(p.container.VolumeMounts, func(v corev1.VolumeMount) bool {
			return path.Clean(v.MountPath) == m.Path && v.ReadOnly
		})
		if err == nil && (info.Mode().IsRegular() || info.IsDir() && readOnly && strings.HasPrefix(m.OnNode, "/etc/")) {
			found = append(found, Setting{Value: m.OnNode, Source: p.source("mountPath " + m.Path)})
		}
	}
	return found
}
