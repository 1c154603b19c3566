package rehost

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// ErrNoConfiguration means that the objects have no ConfigMap kube-system/kubeadm-config: kubeadm has not made the cluster,
// or the objects are not all that are needed.
var ErrNoConfiguration = errors.New("there is no ConfigMap kube-system/kubeadm-config")

// InitOptions changes what [Init] makes.
type InitOptions struct {
	// Token is a bootstrap token for nodes to join with, in the form of kubeadm token generate; it lives for two hours, and is
	// a secret till then. Empty has kubeadm make one of its own, which lives for a day.
	Token string
	// CRISocket is that of the container runtime, as in "unix:///run/containerd/containerd.sock". Empty is what the old Node was
	// annotated with, or what kubeadm finds.
	CRISocket string
}

// configPath is where steps have the configuration.
const configPath = "/etc/kubernetes/rehost.yaml"

// Init makes the configuration for kubeadm init over a restored data directory, and says what to do with it. This is the
// second choice: kubeadm's own people neither support nor test it (kubernetes/kubeadm#3081), and what the old manifests had
// beyond their configuration, such as edits by hand, is lost. Where manifests are there use [Manifests].
//
// The configuration is the one that the cluster has stored (kubeadm.k8s.io/v1beta3 or v1beta4), with the new name and address
// in the places of the old ones; what else mentions these is a Finding. The kubelets' configuration is the stored one, since
// kubeadm would store its defaults over it. The steps skip the add-ons, as kubeadm would overwrite CoreDNS and kube-proxy,
// and store the configuration once more, as it would note them as disabled. The old Node's taints are kept.
//
// The steps begin with the data directory and the shared PKI files, which the caller has to put there. For a cluster whose
// etcd is elsewhere none of that is about etcd.
//
// It fails with [ErrNoConfiguration], and if what is stored is of another version or not understood.
func Init(objects *Objects, from, to Host, opts InitOptions) (*Plan, error) {
	p, err := initPlan(objects, from.plain(), to.plain(), opts)
	if err != nil {
		return nil, fmt.Errorf("plan kubeadm init: %w", err)
	}
	return p, nil
}

func initPlan(objects *Objects, from, to Host, opts InitOptions) (*Plan, error) {
	if err := errors.Join(from.check(), to.check(), opts.check()); err != nil {
		return nil, err
	}
	cluster, err := readCluster(objects)
	if err != nil {
		return nil, err
	}
	kubelet, err := readKubelet(objects)
	if err != nil {
		return nil, err
	}
	e := &editor{swap: swap{from, to}, document: &document{path: stored, tree: cluster.tree}}
	cluster.edit(e)
	p := &Plan{ConfigPath: configPath, Changes: e.changes, Findings: append(e.findings, e.mentions(stored, cluster.tree)...)}
	documents := []map[string]any{cluster.initConfiguration(objects, from, to, opts), cluster.tree}
	if kubelet != nil {
		documents = append(documents, kubelet)
		p.Findings = append(p.Findings, e.mentions(kubeSystem+"/"+kubeletMap, kubelet)...)
	} else {
		p.Findings = append(p.Findings, Finding{kubeSystem + "/" + kubeletMap, "",
			"the objects have no configuration of the kubelets: kubeadm stores its defaults, and joined kubelets get these"})
	}
	p.Findings = append(p.Findings, addressesOf(cluster, to)...)
	p.Findings = append(p.Findings, e.addons(objects)...)
	for i, tree := range documents {
		text, err := write(tree)
		if err != nil {
			return nil, fmt.Errorf("write the configuration: %w", err)
		}
		if i > 0 {
			p.Config = append(p.Config, "---\n"...)
		}
		p.Config = append(p.Config, text...)
	}
	p.Steps = cluster.initSteps(objects, from, to, opts)
	return p, nil
}

var (
	tokenForm  = regexp.MustCompile(`^[a-z0-9]{6}\.[a-z0-9]{16}$`)
	socketForm = regexp.MustCompile(`^(unix://)?/[A-Za-z0-9._/-]{1,200}$`)
)

func (o InitOptions) check() error {
	if o.Token != "" && !tokenForm.MatchString(o.Token) {
		return errors.New("the token is not of the form of a bootstrap token: make one by kubeadm token generate")
	}
	if o.CRISocket != "" && !socketForm.MatchString(o.CRISocket) {
		return fmt.Errorf("socket %.100q of the container runtime is none: give one as unix:///run/containerd/containerd.sock",
			o.CRISocket)
	}
	return nil
}

// initConfiguration is what kubeadm does not store.
func (c *cluster) initConfiguration(objects *Objects, from, to Host, opts InitOptions) map[string]any {
	registration := map[string]any{"name": to.Name, "taints": []any{}}
	old := objects.node(from.Name)
	switch {
	case old != nil:
		registration["taints"] = taintsOf(old)
	default:
		delete(registration, "taints") // kubeadm's own for a control plane
	}
	socket := opts.CRISocket
	if old != nil && socket == "" && socketForm.MatchString(old.Annotations[criAnnotated]) {
		socket = old.Annotations[criAnnotated]
	}
	if socket != "" {
		registration["criSocket"] = socket
	}
	if ips := c.nodeIPs(to); ips != "" {
		registration["kubeletExtraArgs"] = c.extraArg("node-ip", ips)
	}
	endpoint := map[string]any{"advertiseAddress": to.Address.String()}
	if to.Port != 0 {
		endpoint["bindPort"] = to.Port
	}
	config := map[string]any{
		"apiVersion": c.version, "kind": "InitConfiguration",
		"localAPIEndpoint": endpoint, "nodeRegistration": registration,
	}
	if !c.external {
		registration["ignorePreflightErrors"] = []any{"DirAvailable-" + strings.ReplaceAll(c.dataDir, "/", "-")}
	}
	if opts.Token != "" {
		config["bootstrapTokens"] = []any{map[string]any{
			"token": opts.Token, "ttl": "2h0m0s", "usages": []any{"signing", "authentication"},
			"groups": []any{"system:bootstrappers:kubeadm:default-node-token"},
		}}
	}
	return config
}

// taintsOf leaves out those that the cluster puts there and takes away itself.
func taintsOf(node *corev1.Node) []any {
	kept := []any{}
	for _, t := range node.Spec.Taints {
		if strings.HasPrefix(t.Key, "node.kubernetes.io/") || strings.HasPrefix(t.Key, "node.cloudprovider.kubernetes.io/") {
			continue
		}
		taint := map[string]any{"key": t.Key, "effect": string(t.Effect)}
		if t.Value != "" {
			taint["value"] = t.Value
		}
		kept = append(kept, taint)
	}
	return kept
}

// nodeIPs are the addresses of a node with two families, as kubelets of a cluster with both want them.
func (c *cluster) nodeIPs(to Host) string {
	if !c.dual() {
		return ""
	}
	for _, a := range to.Others {
		if a.Is4() != to.Address.Is4() {
			return to.Address.String() + "," + a.String()
		}
	}
	return ""
}

func addressesOf(c *cluster, to Host) []Finding {
	if !c.dual() || c.nodeIPs(to) != "" {
		return nil
	}
	return []Finding{{stored, "networking", "the cluster has both families of IP and the new host an address of one: give " +
		"its other one, too, or its node gets no addresses of that family"}}
}

// addons finds what the skipped phases would have changed.
func (s swap) addons(objects *Objects) (found []Finding) {
	if m := objects.configMap(kubeSystem, proxyMap); m != nil {
		for _, key := range slices.Sorted(maps.Keys(m.Data)) {
			for _, what := range s.mentioned(m.Data[key]) {
				found = append(found, Finding{kubeSystem + "/" + proxyMap, "data." + clean(key), what +
					" is mentioned: kube-proxy asks the API server there: change it (kubectl -n kube-system edit configmap kube-proxy), " +
					"then restart the DaemonSet (kubectl -n kube-system rollout restart daemonset kube-proxy)"})
			}
		}
	}
	return found
}

func (c *cluster) initSteps(objects *Objects, from, to Host, opts InitOptions) []Step {
	var steps []Step
	add := func(do, why string, command ...string) {
		steps = append(steps, Step{Node: to.Name, Where: to.Name, Stage: startStage, Do: do, Why: why, Command: command})
	}
	shared := "ca.crt, ca.key, front-proxy-ca.crt, front-proxy-ca.key, sa.key, sa.pub"
	if !c.external {
		shared += ", etcd/ca.crt, etcd/ca.key"
	}
	add("put the shared files of the old node into "+c.certDir+", and no other certificate of it: "+shared,
		"They are the cluster's identity; kubeadm makes all others from them, and refuses those of another name or address.")
	add("put the files that flags of the control plane name where they were, such as the encryption configuration",
		"Kube-apiserver does not start without them; the configuration has their names alone.")
	if !c.external {
		add(fmt.Sprintf("restore the snapshot into %s, as member %s with the peer URL %s", c.dataDir, to.Name, peerURL(to.Address)),
			"kubeadm finds members by their peer URL; with the default one, http://localhost:2380, no other node could join.")
	}
	add("write the configuration to "+configPath+", with mode 0600", "It is the cluster's own, so that kubeadm overwrites "+
		"nothing of it by defaults.")
	if c.minor >= 26 {
		add("check the configuration", "A mistake in it is better seen before anything is started.",
			"kubeadm", "config", "validate", "--config", configPath)
	}
	add("start the control plane", "It keeps etcd's data, as the preflight check of that directory is ignored, and leaves "+
		"CoreDNS and kube-proxy alone.",
		"kubeadm", "init", "--config", configPath, "--skip-phases", "addon/coredns,addon/kube-proxy")
	add("store the configuration once more", "Where kubeadm init skips add-ons it notes them as disabled, and each later "+
		"upgrade would leave them out (manageSkippedAddons in cmd/kubeadm/app/cmd/init.go of kubernetes/kubernetes).",
		"kubeadm", "init", "phase", "upload-config", "kubeadm", "--config", configPath)
	why := "Nothing reads it any more."
	if opts.Token != "" {
		why = "It has a token in it that lives for two hours."
	}
	add("remove the configuration", why, "rm", "-f", "--", configPath)
	return append(steps, replaceNode(objects, from, to)...)
}

// adminConf is what kubectl is told to use.
const adminConf = "/etc/kubernetes/admin.conf"

func kubectl(args ...string) []string {
	return append([]string{"kubectl", "--kubeconfig", adminConf}, args...)
}

func cleanDir(dir, fallback string) (string, error) {
	dir = cmp.Or(dir, fallback)
	if !dirForm.MatchString(dir) || path.Clean(dir) != dir {
		return "", fmt.Errorf("directory %.100q is no absolute path of plain characters: correct it", dir)
	}
	return dir, nil
}

var dirForm = regexp.MustCompile(`^/[A-Za-z0-9._/-]{1,250}$`)
