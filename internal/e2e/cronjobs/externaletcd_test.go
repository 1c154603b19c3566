package cronjobs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
)

// externalEtcd runs what the overlay's pod would run: in the image, as its user, with the files of its ConfigMap and its Secret
// where it mounts them, and with nothing else of a node.
func externalEtcd(s *scene) {
	flags := filepath.Join(s.example, "overlays/external-etcd/kube-apiserver.yaml")
	text, err := os.ReadFile(flags)
	must(s, err)
	servers := "https://etcd-0.example.org:2379,https://etcd-1.example.org:2379,https://etcd-2.example.org:2379"
	local := strings.Replace(string(text), servers, "https://127.0.0.1:2379", 1)
	must(s, os.WriteFile(flags, []byte(local), 0o644))
	s.overlay("external-etcd")
	pki := filepath.Join(s.node.Root, "etc/kubernetes/pki")
	s.kubectl("--namespace", namespace, "create", "secret", "generic", "clustersnap-etcd", "--from-file="+pki+"/etcd/ca.crt",
		"--from-file=client.crt="+pki+"/apiserver-etcd-client.crt", "--from-file=client.key="+pki+"/apiserver-etcd-client.key")

	cron := s.cronJob()
	s.letIn(cron)
	pod := cron.Spec.JobTemplate.Spec.Template.Spec
	if c := pod.Containers[0]; pod.HostNetwork || *pod.SecurityContext.RunAsUser == 0 || c.SecurityContext.RunAsUser != nil {
		s.Errorf("its pod is on a node's network, or is root: %+v, %+v", pod.SecurityContext, c.SecurityContext)
	}
	root := s.image()
	s.mount(root, pod)
	s.token(root, pod)
	program := "/usr/local/bin/" + pod.Containers[0].Command[0]
	cmd := exec.Command(program)
	for _, arg := range pod.Containers[0].Command[1:] {
		cmd.Args = append(cmd.Args, strings.ReplaceAll(arg, "$(RECIPIENT)", s.recipient+"\n"))
	}
	who := &syscall.Credential{Uid: uint32(*pod.SecurityContext.RunAsUser), Gid: uint32(*pod.SecurityContext.RunAsGroup)}
	cmd.Dir, cmd.Env, cmd.SysProcAttr = "/", s.service(), &syscall.SysProcAttr{Chroot: root, Credential: who}
	command.Good(s, command.Of(s, cmd, func() error { return s.node.Run(cmd) }))

	place := filepath.Join(root, "backup")
	here := func(args ...string) command.Outcome {
		cmd := exec.Command(filepath.Join(root, program), args...)
		return command.Of(s, cmd, cmd.Run)
	}
	o := here("list", "file://"+place+"/")
	if o.Code != 0 || !strings.Contains(o.Stdout, "example") || !strings.Contains(o.Stdout, "etcd") {
		s.Errorf("list: exit %d\n%s%s", o.Code, o.Stdout, o.Stderr)
	}
	sets, err := filepath.Glob(filepath.Join(place, "*.clustersnap"))
	if err != nil || len(sets) != 1 {
		s.Fatalf("the sets are %v, %v", sets, err)
	}
	command.Good(s, here("prove", "boot", sets[0], "--identity", s.key))
}

// accountDir is where the kubelet puts the token of a pod's account.
const accountDir = "var/run/secrets/kubernetes.io/serviceaccount"

// token writes what a pod sees of its account.
func (s *scene) token(root string, pod corev1.PodSpec) {
	s.Helper()
	accounts := s.node.Kubernetes(s).CoreV1().ServiceAccounts(namespace)
	token, err := accounts.CreateToken(stuck(s), pod.ServiceAccountName, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	must(s, err)
	ca, err := os.ReadFile(filepath.Join(s.node.Root, "etc/kubernetes/pki/ca.crt"))
	must(s, err)
	must(s, os.MkdirAll(filepath.Join(root, accountDir), 0o755))
	for name, text := range map[string]string{"token": token.Status.Token, "ca.crt": string(ca), "namespace": namespace} {
		must(s, os.WriteFile(filepath.Join(root, accountDir, name), []byte(text), 0o644))
	}
}

// service is how a pod knows of the API server.
func (s *scene) service() []string {
	return []string{"KUBERNETES_SERVICE_HOST=" + s.node.Address, "KUBERNETES_SERVICE_PORT=6443"}
}

// mount writes the files that a pod sees of ConfigMaps and Secrets, as the server has them, and makes the claim's directory.
func (s *scene) mount(root string, pod corev1.PodSpec) {
	s.Helper()
	objects := s.node.Kubernetes(s).CoreV1()
	volumes := map[string]map[string][]byte{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = map[string][]byte{}
		if v.ConfigMap != nil {
			o, err := objects.ConfigMaps(namespace).Get(stuck(s), v.ConfigMap.Name, metav1.GetOptions{})
			must(s, err)
			for key, value := range o.Data {
				volumes[v.Name][key] = []byte(value)
			}
		}
		if v.Secret != nil {
			o, err := objects.Secrets(namespace).Get(stuck(s), v.Secret.SecretName, metav1.GetOptions{})
			must(s, err)
			volumes[v.Name] = o.Data
		}
	}
	group := int(*pod.SecurityContext.FSGroup)
	for _, m := range pod.Containers[0].VolumeMounts {
		file := filepath.Join(root, m.MountPath)
		must(s, os.MkdirAll(filepath.Dir(file), 0o755))
		if m.SubPath == "" { // the claim, and /tmp
			must(s, os.MkdirAll(file, 0o755))
			must(s, os.Chown(file, 0, group))
			must(s, os.Chmod(file, os.ModeSetgid|0o770))
			continue
		}
		content, ok := volumes[m.Name][m.SubPath]
		if !ok {
			s.Fatalf("volume %s has no %s", m.Name, m.SubPath)
		}
		must(s, os.WriteFile(file, content, 0o440))
		must(s, os.Chown(file, 0, group))
	}
}
