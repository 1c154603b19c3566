package kubeadm

import (
	"cmp"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
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

// mounts are what its container sees; a process of the node sees all.
func (p *program) mounts() []Mount {
	if p.container == nil {
		return []Mount{{Path: "/", OnNode: "/"}}
	}
	var found []Mount
	for _, m := range p.container.VolumeMounts {
		found = append(found, Mount{Path: path.Clean(m.MountPath)})
		volume := hostVolume(p.pod, m.Name)
		if volume != "" && m.SubPathExpr == "" && (m.SubPath == "" || fs.ValidPath(path.Clean(m.SubPath))) {
			found[len(found)-1].OnNode = path.Join(volume, m.SubPath)
		}
	}
	return found
}

// system are directories of the distribution and of the running machine: what is there is not the operator's.
var system = []string{
	"/bin", "/boot", "/dev", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/tmp", "/usr", "/var/log", "/var/run",
	"/etc/ca-certificates", "/etc/pki", "/etc/ssl",
}

// mountedFiles are the files of the node that the container mounts, and the directories that it may only read: what it may write
// is data. Those are apart that are too large for a backup of files, or hold sockets and the like.
func (p *program) mountedFiles(root fs.FS) (files, others []Setting) {
	for i, m := range p.mounts() {
		inSystem := func(dir string) bool { return m.OnNode == dir || strings.HasPrefix(m.OnNode, dir+"/") }
		name := strings.TrimPrefix(m.OnNode, "/")
		info, err := fs.Stat(root, name)
		if err != nil || slices.ContainsFunc(system, inSystem) || info.IsDir() && (!p.container.VolumeMounts[i].ReadOnly || name == "etc") {
			continue
		}
		setting := Setting{Value: m.OnNode, Source: p.source("mountPath " + m.Path)}
		switch {
		case info.IsDir() && isSmall(root, name), info.Mode().IsRegular() && info.Size() <= maxFile:
			files = append(files, setting)
		case info.IsDir() || info.Mode().IsRegular():
			others = append(others, setting)
		}
	}
	return files, others
}

// isSmall says whether a directory holds no more than a file of configuration may be large, and nothing but files.
func isSmall(root fs.FS, dir string) bool {
	size, count := int64(0), 0
	err := fs.WalkDir(root, dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().IsRegular() {
			size += info.Size()
		}
		count++
		if size > maxFile || count > 1000 || info.Mode().Type()&^(fs.ModeDir|fs.ModeSymlink) != 0 {
			return errors.New("not small")
		}
		return nil
	})
	return err == nil
}
