package kubeadm

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// PathNotOnHostError means that a flag names a path which no hostPath volume of
// its container covers: the file lives in the container's own layer and is lost
// with it. kubeadm accepts such flags in extraArgs without a word.
type PathNotOnHostError struct {
	File      string // the manifest, relative to the node's root
	Container string
	Flag      string // "--data-dir", or the environment variable in its place
	Path      string // as the container sees it
}

func (e *PathNotOnHostError) Error() string {
	if e.Container == "" {
		return fmt.Sprintf("%s: %s=%s is no absolute path: write it out", e.File, e.Flag, e.Path)
	}
	return fmt.Sprintf("%s: container %s: %s=%s is on no hostPath volume of the container: mount one that holds it",
		e.File, e.Container, e.Flag, e.Path)
}

// hostPath turns a setting that is a path in the container into the path on the
// node. The zero Setting stays what it is.
func (p *program) hostPath(s Setting) Setting {
	if s == (Setting{}) || p.err != nil {
		return s
	}
	file := path.Clean(s.Value)
	if p.container == nil {
		if s.Value = file; !path.IsAbs(file) {
			p.fail(&PathNotOnHostError{File: p.file, Flag: s.Source.Key, Path: s.Value})
		}
		return s
	}
	mount := coveringMount(p.container.VolumeMounts, file)
	if mount == nil {
		p.fail(&PathNotOnHostError{File: p.file, Container: cmp.Or(p.container.Name, "(unnamed)"), Flag: s.Source.Key, Path: s.Value})
		return s
	}
	if mount.SubPathExpr != "" {
		p.fail(fmt.Errorf("%s is below a mount with subPathExpr %q: %w: use subPath", s.Source, mount.SubPathExpr, ErrDynamicCommand))
		return s
	}
	volume := hostVolume(p.pod, mount.Name)
	if volume == "" || mount.SubPath != "" && !fs.ValidPath(path.Clean(mount.SubPath)) {
		p.fail(&PathNotOnHostError{File: p.file, Container: cmp.Or(p.container.Name, "(unnamed)"), Flag: s.Source.Key, Path: s.Value})
		return s
	}
	onHost := path.Join(volume, mount.SubPath, strings.TrimPrefix(file, path.Clean(mount.MountPath)))
	if onHost != file {
		s.Source.Rule = strings.TrimPrefix(s.Source.Rule+", through volume "+mount.Name, ", ")
	}
	s.Value = onHost
	return s
}

// coveringMount returns the mount with the longest path that holds file; nil if
// there is none, as for a relative path.
func coveringMount(mounts []corev1.VolumeMount, file string) *corev1.VolumeMount {
	var best *corev1.VolumeMount
	longest := -1
	for i := range mounts {
		dir := path.Clean(mounts[i].MountPath)
		covers := file == dir || strings.HasPrefix(file, strings.TrimSuffix(dir, "/")+"/")
		if covers && path.IsAbs(dir) && len(dir) > longest {
			best, longest = &mounts[i], len(dir)
		}
	}
	return best
}

// hostVolume returns the node's path of a hostPath volume; "" if the volume is
// of another kind.
func hostVolume(pod *corev1.Pod, name string) string {
	for _, volume := range pod.Spec.Volumes {
		if volume.Name == name && volume.HostPath != nil && path.IsAbs(volume.HostPath.Path) {
			return volume.HostPath.Path
		}
	}
	return ""
}
