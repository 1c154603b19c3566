package rehost

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	present = "present"
	missing = "missing"
	expired = "expired"
	stale   = "stale"
)

func (j *joiner) need(kind, namespace, name, state, format string, args ...any) {
	j.Needs = append(j.Needs, Need{kind, namespace, name, state, fmt.Sprintf(format, args...)})
}

// needs lists what the joins need.
func (j *joiner) needs(nodes []node, members []Member) error {
	j.needNodes(nodes)
	if err := j.needMembers(nodes, members); err != nil {
		return err
	}
	j.needConfigMaps()
	j.needInfo()
	if slices.ContainsFunc(nodes, func(n node) bool { return n.State == Empty }) {
		j.needToken()
	}
	if slices.ContainsFunc(nodes, func(n node) bool { return n.State == Empty && n.ControlPlane }) {
		j.needCerts()
	}
	if j.endpoint == "" && slices.ContainsFunc(nodes, func(n node) bool { return n.State == Empty && n.ControlPlane }) {
		j.Findings = append(j.Findings, Finding{stored, "controlPlaneEndpoint",
			"there is none, and kubeadm join refuses a control plane that has no stable endpoint: set one in the ConfigMap that " +
				"all nodes reach, and that the certificate of kube-apiserver has"})
	}
	return nil
}

func (j *joiner) needNodes(nodes []node) {
	if j.from.Name != j.to.Name && j.objects.node(j.from.Name) != nil {
		j.need("Node", "", j.from.Name, stale, "the restored node was this, and is %s now: it is deleted, and its labels are "+
			"given to the new one", j.to.Name)
	}
	for _, n := range nodes {
		switch {
		case n.object == nil && n.State == Intact:
			j.need("Node", "", n.Name, missing, "it came after the snapshot: its kubelet registers it again when it starts, "+
				"without the labels and taints that somebody gave it, the role of the control plane among them")
		case n.object == nil:
		case n.State == Intact:
			j.need("Node", "", n.Name, present, "its kubelet goes on with it")
		case n.State == Empty:
			j.need("Node", "", n.Name, stale, "kubeadm join refuses a name whose Node is Ready, and a restored one says so until "+
				"its time is over (kubernetes/kubernetes#89512): it is deleted first, and its labels and taints are given back after")
		default:
			j.need("Node", "", n.Name, stale, "there is no such machine any more: it is deleted, so that its pods are made elsewhere")
		}
	}
}

// needMembers finds members of etcd that are none: one that can't be reached fails a join's check of the cluster's health
// (CheckClusterHealth in cmd/kubeadm/app/util/etcd of kubernetes/kubernetes), and counts for the quorum.
func (j *joiner) needMembers(nodes []node, members []Member) error {
	own := Member{Name: j.to.Name, PeerURL: peerURL(j.to.Address)}
	j.members = []Member{own}
	for _, m := range members {
		if m.Name == j.to.Name {
			if m.PeerURL != own.PeerURL {
				j.Findings = append(j.Findings, Finding{"etcd", "member " + m.Name,
					fmt.Sprintf("its peer URL is not %s, at which kubeadm and the others look for it: change it (etcdctl member update "+
						"%x --peer-urls=%s)", own.PeerURL, m.ID, own.PeerURL)})
			}
			continue
		}
		if m.Name != "" && !memberForm.MatchString(m.Name) {
			return fmt.Errorf("member name %.100q is none of an etcd that kubeadm has made: correct it", m.Name)
		}
		j.need("Member", "", memberName(m), stale, "the restored cluster has one member that runs: this one is removed, and "+
			"joins again if its node does")
	}
	return nil
}

func memberName(m Member) string {
	if m.Name == "" {
		return fmt.Sprintf("%x", m.ID)
	}
	return m.Name
}

func (j *joiner) needConfigMaps() {
	if j.endpoint != "" && j.moved {
		j.need("ConfigMap", kubeSystem, configMap, stale, "its controlPlaneEndpoint is the old host, and kubeadm join goes by it")
		j.Findings = append(j.Findings, Finding{stored, "controlPlaneEndpoint", "it is the old host: set it to " + j.server +
			" before a node joins (kubectl -n kube-system edit configmap kubeadm-config)"})
	} else {
		j.need("ConfigMap", kubeSystem, configMap, present, "kubeadm join takes the cluster's configuration from it")
	}
	if m := j.objects.kubeletMap(); m == nil {
		j.need("ConfigMap", kubeSystem, kubeletMap, missing, "kubeadm join takes the kubelet's configuration from it: store one "+
			"by kubeadm init phase upload-config kubelet")
	} else {
		j.need("ConfigMap", kubeSystem, m.Name, present, "kubeadm join takes the kubelet's configuration from it")
	}
	j.Findings = append(j.Findings, j.addons(j.objects)...)
}

// needInfo looks at what a node trusts that has nothing but a token: the CA, and the server.
func (j *joiner) needInfo() {
	m := j.objects.configMap(kubePublic, infoMap)
	if m == nil {
		j.need("ConfigMap", kubePublic, infoMap, missing, "a node that joins finds the CA there: it is made anew from %s", adminConf)
		return
	}
	var config struct {
		Clusters []struct {
			Cluster struct {
				Server string `json:"server"`
				CA     string `json:"certificate-authority-data"`
			} `json:"cluster"`
		} `json:"clusters"`
	}
	err := parse(File{kubePublic + "/" + infoMap, []byte(m.Data["kubeconfig"])}, &config)
	if err == nil && len(config.Clusters) == 1 {
		j.hashes = hashesOf(config.Clusters[0].Cluster.CA)
	}
	switch {
	case j.hashes == nil:
		j.need("ConfigMap", kubePublic, infoMap, stale, "it has no CA that can be read: it is made anew from %s", adminConf)
	case config.Clusters[0].Cluster.Server != "https://"+j.server:
		j.need("ConfigMap", kubePublic, infoMap, stale, "its server is not https://%s: it is made anew from %s", j.server, adminConf)
	default:
		j.need("ConfigMap", kubePublic, infoMap, present, "a node that joins finds the server and the CA there")
	}
}

// hashesOf are those that kubeadm join holds a CA against: of its public key (cmd/kubeadm/app/util/pubkeypin in
// kubernetes/kubernetes). There are several while a CA is exchanged.
func hashesOf(data string) (hashes []string) {
	text, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return nil
	}
	for block, rest := pem.Decode(text); block != nil && len(hashes) < 10; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil || block.Type != "CERTIFICATE" {
			return nil
		}
		sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
		hashes = append(hashes, "sha256:"+hex.EncodeToString(sum[:]))
	}
	return hashes
}

// needToken looks for bootstrap tokens. None is used, as only who made it knows all of it.
func (j *joiner) needToken() {
	found := false
	for _, s := range j.objects.Secrets {
		if s.Namespace != kubeSystem || s.Type != tokenType {
			continue
		}
		found = true
		until, ends := s.Data[expiration]
		end, err := time.Parse(time.RFC3339, string(until))
		switch {
		case ends && err != nil:
			j.need("Secret", kubeSystem, clean(s.Name), expired, "when it ends cannot be read, so it is no token any more: a new "+
				"one is made")
		case ends && !end.After(j.now):
			j.need("Secret", kubeSystem, clean(s.Name), expired, "it ended at %s: a new one is made", end.UTC().Format(time.RFC3339))
		case string(s.Data[usagePrefix+"authentication"]) != "true" || string(s.Data[usagePrefix+"signing"]) != "true":
			j.need("Secret", kubeSystem, clean(s.Name), present, "it is not for both signing and authentication, as a join needs: "+
				"a new one is made")
		default:
			j.need("Secret", kubeSystem, clean(s.Name), present, "who made it can use it; a new one is made all the same")
		}
	}
	if !found {
		j.need("Secret", kubeSystem, "bootstrap-token-*", missing, "there is no bootstrap token: a new one is made")
	}
}

// certsLife is how long the token lives that kubeadm-certs belongs to, and goes with (DefaultCertTokenDuration in kubeadm's
// constants).
const certsLife = 2 * time.Hour

func (j *joiner) needCerts() {
	at := slices.IndexFunc(j.objects.Secrets, func(s corev1.Secret) bool {
		return s.Namespace == kubeSystem &&
			s.Name == certsSecret
	})
	if at < 0 {
		j.need("Secret", kubeSystem, certsSecret, missing, "it has the shared certificates and keys for a joining control "+
			"plane: they are uploaded anew")
		return
	}
	made := j.objects.Secrets[at].CreationTimestamp.Time
	if !made.Add(certsLife).After(j.now) {
		j.need("Secret", kubeSystem, certsSecret, expired, "it goes two hours after it was made, at %s: it is uploaded anew",
			made.UTC().Format(time.RFC3339))
		return
	}
	j.need("Secret", kubeSystem, certsSecret, present, "only who made it has its key: it is uploaded anew, with a new one")
}

// custom are labels and taints that people gave a Node, as arguments of kubectl.
func custom(n *corev1.Node) (labels, taints []string) {
	for key, value := range n.Labels {
		domain, _, _ := strings.Cut(key, "/")
		if domain == "kubernetes.io" || strings.HasSuffix(domain, ".kubernetes.io") || strings.HasSuffix(domain, ".k8s.io") ||
			!labelForm.MatchString(key) || value != "" && !valueForm.MatchString(value) {
			continue
		}
		labels = append(labels, key+"="+value)
	}
	for _, t := range n.Spec.Taints {
		domain, _, _ := strings.Cut(t.Key, "/")
		if strings.HasSuffix(domain, "kubernetes.io") || !labelForm.MatchString(t.Key) || t.Value != "" &&
			!valueForm.MatchString(t.Value) ||
			!effects[t.Effect] {
			continue
		}
		taints = append(taints, t.Key+"="+t.Value+":"+string(t.Effect))
	}
	slices.Sort(labels)
	slices.Sort(taints)
	return labels, taints
}
