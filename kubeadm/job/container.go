package job

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// Container is what the job runs.
type Container struct {
	Image string
	// Command is run as it is, without a shell. Kubernetes puts the name of the pod, which is another one each time, in the
	// place of $(POD_NAME), and that of the node in the place of $(NODE_NAME).
	Command []string
	// Mounts says which files of the node it sees, and where.
	Mounts Mounts
}

// Mounts are the files of the node that a container sees.
type Mounts string

const (
	// NodeFiles are all of [kubeadm.Node.Files], below Root.
	NodeFiles Mounts = "node"
	// Credential is the best client credential for etcd, at its own paths.
	Credential Mounts = "credential"
)

// Root is where a container with NodeFiles has the node's root: files that it does not need are not there.
const Root = "/host"

// Destination is where a container has what Options name as the place for backups.
const Destination = "/backup"

// Etcdctl is the backup with no program but etcd's own: a snapshot named for the pod. The image of etcd has no shell, and etcdctl does not
// check what it saves: verify it where it ends up.
//
// The credential is the first one that the node declares: hold it against the files by [kubeadm.Etcd.ClientTLS].
func Etcdctl(node *kubeadm.Node) (Container, error) {
	e := node.Etcd
	if e.External || e.Image == (kubeadm.Setting{}) || len(e.Endpoints) == 0 {
		return Container{}, errors.New("render etcdctl: no static pod of the node runs etcd, so its image is not known: name one")
	}
	command := []string{"etcdctl", "--endpoints=" + e.Endpoints[0].Value}
	if len(e.Credentials) > 0 {
		c := e.Credentials[0]
		command = append(command, "--cacert="+c.CA.Value, "--cert="+c.Cert.Value, "--key="+c.Key.Value)
	}
	command = append(command, "snapshot", "save", Destination+"/$(POD_NAME).db")
	return Container{Image: e.Image.Value, Command: command, Mounts: Credential}, nil
}

// firstNode are files that only the node has which kubeadm has begun with.
var firstNode = []string{"etc/kubernetes/super-admin.conf"}

// mounted is a file of the node, or a directory.
type mounted struct {
	path string // absolute
	kind corev1.HostPathType
}

// files are those that the container sees below root.
func (c Container) files(node *kubeadm.Node, anyNode bool) (list []mounted, root string, err error) {
	switch c.Mounts {
	case NodeFiles:
		for _, name := range node.Files {
			if anyNode && slices.Contains(firstNode, name) {
				continue
			}
			kind := corev1.HostPathFile
			if slices.Contains(node.Directories, name) {
				kind = corev1.HostPathDirectory
			}
			list = append(list, mounted{"/" + name, kind})
		}
		return list, Root, nil
	case Credential:
		if len(node.Etcd.Credentials) == 0 {
			return nil, "", nil
		}
		e := node.Etcd.Credentials[0]
		paths := []string{e.CA.Value, e.Cert.Value, e.Key.Value}
		slices.Sort(paths)
		for _, file := range slices.Compact(paths) {
			list = append(list, mounted{file, corev1.HostPathFile})
		}
		return list, "", nil
	}
	return nil, "", fmt.Errorf("mounts %q are neither %q nor %q", c.Mounts, NodeFiles, Credential)
}

// mount makes a volume of each file, named for its place in the list. What is not there keeps the pod from starting: without a
// type it would be made, as a directory.
func (c Container) mount(node *kubeadm.Node, o Options, pod *corev1.PodSpec) error {
	list, root, err := c.files(node, o.Node == "")
	if err != nil {
		return err
	}
	main := &pod.Containers[0]
	for i, m := range list {
		if !path.IsAbs(m.path) || path.Clean(m.path) != m.path {
			return fmt.Errorf("%q is not an absolute path of the node", m.path)
		}
		if o.HostPath != "" && (within(m.path, o.HostPath) || within(o.HostPath, m.path)) {
			return fmt.Errorf("backups in %s would lie over %s of the node: give them a directory of their own", o.HostPath, m.path)
		}
		name, kind := fmt.Sprintf("node-%d", i), m.kind
		pod.Volumes = append(pod.Volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
			HostPath: &corev1.HostPathVolumeSource{Path: m.path, Type: &kind},
		}})
		main.VolumeMounts = append(main.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: root + m.path, ReadOnly: true})
	}
	return nil
}

// writesTo reports whether an argument of the command, or the value of a flag, is below a directory.
func (c Container) writesTo(dir string) bool {
	return slices.ContainsFunc(c.Command, func(arg string) bool {
		if flag, value, found := strings.Cut(arg, "="); found && strings.HasPrefix(flag, "-") {
			arg = value
		}
		return within(strings.TrimPrefix(arg, "file://"), dir)
	})
}

// within reports whether a file is a directory, or in it.
func within(file, dir string) bool {
	return file == dir || strings.HasPrefix(file, strings.TrimSuffix(dir, "/")+"/")
}
