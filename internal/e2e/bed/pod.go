package bed

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// defaultGrace is how long a container has from SIGTERM to SIGKILL if its pod does not say.
const defaultGrace = corev1.DefaultTerminationGracePeriodSeconds * time.Second

// minGrace stands for a grace period of 0, because an exec.Cmd whose WaitDelay is 0 is never killed.
const minGrace = time.Millisecond

// pod is what is run of one manifest: one process.
type pod struct {
	name    string
	program string // the first word of its command
	args    []string
	env     []string
	grace   time.Duration
	dirs    []string          // host paths to create, from "/" of the node
	mounts  map[string]string // mount paths to host paths
	sum     [sha256.Size]byte // of the manifest
}

// parsePod reads a manifest of one container with a command and hostPath volumes, as kubeadm writes them.
func parsePod(manifest []byte) (*pod, error) {
	var m corev1.Pod
	if err := yaml.UnmarshalStrict(manifest, &m); err != nil {
		return nil, err
	}
	if m.Name == "" {
		return nil, fmt.Errorf("it has no name")
	}
	if len(m.Spec.Containers) != 1 || len(m.Spec.Containers[0].Command) == 0 {
		return nil, fmt.Errorf("pod %s: want one container with a command", m.Name)
	}
	c := m.Spec.Containers[0]
	p := &pod{
		name: m.Name, program: c.Command[0], args: slices.Concat(c.Command[1:], c.Args),
		grace: defaultGrace, mounts: make(map[string]string), sum: sha256.Sum256(manifest),
	}
	if s := m.Spec.TerminationGracePeriodSeconds; s != nil {
		p.grace = max(time.Duration(*s)*time.Second, minGrace)
	}
	for _, e := range c.Env {
		if e.ValueFrom != nil {
			return nil, fmt.Errorf("pod %s: variable %s: want a plain value", m.Name, e.Name)
		}
		p.env = append(p.env, e.Name+"="+e.Value)
	}
	return p, p.mount(m.Spec.Volumes, c.VolumeMounts)
}

// mount notes where the container's volumes lie on the node.
func (p *pod) mount(volumes []corev1.Volume, mounts []corev1.VolumeMount) error {
	for _, m := range mounts {
		at := slices.IndexFunc(volumes, func(v corev1.Volume) bool { return v.Name == m.Name })
		if at < 0 || volumes[at].HostPath == nil {
			return fmt.Errorf("pod %s: mount %s: want a hostPath volume named %s", p.name, m.MountPath, m.Name)
		}
		host := volumes[at].HostPath
		p.mounts[filepath.Clean(m.MountPath)] = host.Path
		if host.Type != nil && *host.Type == corev1.HostPathDirectoryOrCreate {
			p.dirs = append(p.dirs, host.Path)
		}
	}
	return nil
}

// command gives the arguments with each path that a volume covers turned into the one below root. A path stands at the
// start of a flag's value or of an element of it, between commas. Other paths would be in the container's own files.
func (p *pod) command(root string) []string {
	args := slices.Clone(p.args)
	for i, arg := range args {
		flag, value, ok := strings.Cut(arg, "=")
		if !ok {
			flag, value = "", arg
		} else {
			flag += "="
		}
		elements := strings.Split(value, ",")
		for j, e := range elements {
			elements[j] = p.resolve(root, e)
		}
		args[i] = flag + strings.Join(elements, ",")
	}
	return args
}

// resolve gives where in root a path of the container lies: the deepest mount around it decides.
func (p *pod) resolve(root, path string) string {
	for at := path; strings.HasPrefix(at, "/"); at = filepath.Dir(at) {
		if host, ok := p.mounts[at]; ok {
			return filepath.Join(root, host, strings.TrimPrefix(path, at))
		}
		if at == "/" {
			break
		}
	}
	return path
}

// prepare makes the folders that the pod's volumes ask for. A link that leads out of root, as absolute ones do, is an
// error, because the programs would follow it to the files of the test machine.
func (p *pod) prepare(root string) error {
	r, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer r.Close()
	for _, dir := range p.dirs {
		if err := r.MkdirAll(strings.TrimPrefix(dir, "/"), 0o755); err != nil {
			return err
		}
	}
	for _, host := range p.mounts {
		if _, err := r.Stat(strings.TrimPrefix(host, "/")); err != nil {
			return err
		}
	}
	return nil
}
