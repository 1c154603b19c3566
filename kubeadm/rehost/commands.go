package rehost

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Keys and values of labels and taints (k8s.io/apimachinery/pkg/util/validation), which are safe as arguments.
var (
	labelForm = regexp.MustCompile(`^([a-z0-9][a-z0-9.-]{0,252}/)?[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	valueForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	effects   = map[corev1.TaintEffect]bool{
		corev1.TaintEffectNoSchedule: true, corev1.TaintEffectPreferNoSchedule: true, corev1.TaintEffectNoExecute: true,
	}
)

// prepare is what is done once, on the restored node.
func (j *joiner) prepare(nodes []node, members []Member) {
	here := j.to.Name
	rejoins := func(n node) bool { return n.State == Intact && n.ControlPlane }
	if !j.external && (len(members) > 1 || slices.ContainsFunc(nodes, rejoins)) {
		j.step(here, here, "wait until the restored etcd can be asked", "Its kubelet first has to find its pods again.",
			repeat(j.etcdctl("endpoint", "health"))...)
	}
	for _, m := range members {
		if m.Name != here {
			j.step(memberName(m), here, "remove the member "+memberName(m)+" of etcd", "It does not run, and counts for the quorum.",
				j.etcdctl("member", "remove", fmt.Sprintf("%x", m.ID))...)
		}
	}
	for _, n := range nodes {
		if n.object != nil && n.State != Intact {
			j.step(n.Name, here, "delete the Node "+n.Name, "What is in the restored cluster of it is of the time before.",
				kubectl("delete", "node", n.Name)...)
		}
	}
	if j.from.Name != here && j.objects.node(j.from.Name) != nil {
		j.step(here, here, "delete the Node "+j.from.Name, "The restored node has another name now.", kubectl("delete", "node",
			j.from.Name)...)
		j.giveBack(here, j.objects.node(j.from.Name))
	}
	info := Need{}
	tokens, certs := false, false
	for _, n := range j.Needs {
		if n.Name == infoMap {
			info = n
		}
	}
	for _, n := range nodes {
		tokens = tokens || n.State == Empty
		certs = certs || n.State == Empty && n.ControlPlane
	}
	if tokens && info.State != present {
		j.step(here, here, "make the ConfigMap kube-public/cluster-info anew", "A node that joins finds the server and the CA there.",
			"kubeadm", "init", "phase", "bootstrap-token", "--skip-token-print", "--kubeconfig", adminConf)
	}
	if tokens {
		j.step(here, here, "make a bootstrap token", "Those of the snapshot have ended, or only who made them knows them.",
			"kubeadm", "token", "create", "--ttl", "2h", "--kubeconfig", adminConf).Prints = Token
	}
	if certs {
		j.step(here, here, "upload the shared certificates, encrypted", "A control plane that joins takes them from the Secret "+
			"kubeadm-certs, which lives for two hours.",
			"kubeadm", "init", "phase", "upload-certs", "--upload-certs", "--kubeconfig", adminConf).Prints = CertificateKey
		if j.certDir != "/etc/kubernetes/pki" {
			j.Findings = append(j.Findings, Finding{stored, "certificatesDir", "it is not kubeadm's own, which the upload of " +
				"certificates looks in: give that step a --config that has it"})
		}
	}
}

// etcdctl runs in the container of the restored etcd: images of etcd have it, and hosts mostly do not.
func (j *joiner) etcdctl(args ...string) []string {
	pki := path.Join(j.certDir, "etcd")
	command := kubectl("-n", kubeSystem, "exec", "etcd-"+j.to.Name, "--", "etcdctl", "--endpoints=https://"+endpointOf(j.to),
		"--cacert="+pki+"/ca.crt", "--cert="+pki+"/healthcheck-client.crt", "--key="+pki+"/healthcheck-client.key")
	return append(command, args...)
}

func endpointOf(h Host) string {
	if h.Address.Is4() {
		return "127.0.0.1:2379"
	}
	return "[::1]:2379"
}

// join is kubeadm join on an empty machine.
func (j *joiner) join(n node) {
	command := []string{"kubeadm", "join", j.server, "--token", Token, "--node-name", n.Name}
	for _, hash := range j.hashes {
		command = append(command, "--discovery-token-ca-cert-hash", hash)
	}
	if j.hashes == nil {
		j.Findings = append(j.Findings, Finding{kubePublic + "/" + infoMap, "",
			"the hash of the CA is not known from it: take the one that kubeadm token create --print-join-command prints, and " +
				"never go without"})
	}
	what := "join the node"
	if n.ControlPlane {
		command = append(command, "--control-plane", "--certificate-key", CertificateKey, "--apiserver-advertise-address",
			n.Address.String())
		what = "join the control plane"
		j.members = append(j.members, Member{Name: n.Name, PeerURL: peerURL(n.Address)})
	}
	j.step(n.Name, n.Name, what, "The machine has nothing of the cluster: kubeadm makes its files and registers it.", command...)
	if n.object != nil {
		j.giveBack(n.Name, n.object)
	}
}

// giveBack gives a Node what people had given the one before it.
func (j *joiner) giveBack(name string, old *corev1.Node) {
	labels, taints := custom(old)
	if len(labels) > 0 {
		j.step(name, j.to.Name, "give the Node its labels back", "Somebody had given them to the one that was deleted.",
			kubectl(append([]string{"label", "node", name, "--overwrite"}, labels...)...)...)
	}
	if len(taints) > 0 {
		j.step(name, j.to.Name, "give the Node its taints back", "Somebody had given them to the one that was deleted.",
			kubectl(append([]string{"taint", "node", name, "--overwrite"}, taints...)...)...)
	}
}

// redirect has a kubelet ask the new server.
func (j *joiner) redirect(n node) {
	if !j.moved {
		return
	}
	old := j.from.server()
	if u, ok := splitURL(j.endpoint); ok && j.endpoint != "" {
		old = strings.TrimPrefix(url{host: u.host, port: u.port}.String(), "https://")
		if u.port == "" {
			old += ":" + j.from.port()
		}
	}
	j.step(n.Name, n.Name, "have the kubelet ask the new server", "Its kubeconfig has the old host.",
		"sed", "-i", "s#https://"+regexp.QuoteMeta(old)+"$#https://"+j.server+"#", "/etc/kubernetes/kubelet.conf")
}
