package rehost

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// stored is what changes and findings call the configuration.
const stored = kubeSystem + "/" + configMap

// cluster is a ClusterConfiguration of kubeadm.
type cluster struct {
	tree     map[string]any
	version  string // "kubeadm.k8s.io/v1beta4"
	minor    int    // of Kubernetes, 0 if it is not said
	external bool   // etcd is elsewhere
	dataDir  string
	certDir  string
	endpoint string // of the control plane, may be empty
}

// readCluster takes the configuration from the ConfigMap that kubeadm stores it in.
func readCluster(objects *Objects) (*cluster, error) {
	m := objects.configMap(kubeSystem, configMap)
	if m == nil {
		return nil, ErrNoConfiguration
	}
	tree, err := parseText(stored+", ClusterConfiguration", m.Data["ClusterConfiguration"])
	if err != nil {
		return nil, err
	}
	c := &cluster{tree: tree, version: textOf(tree, "apiVersion"), endpoint: textOf(tree, "controlPlaneEndpoint")}
	if textOf(tree, "kind") != "ClusterConfiguration" {
		return nil, fmt.Errorf("%s is of kind %.100q: it is no configuration of kubeadm", stored, textOf(tree, "kind"))
	}
	if c.version != "kubeadm.k8s.io/v1beta3" && c.version != "kubeadm.k8s.io/v1beta4" {
		return nil, fmt.Errorf("%s is of apiVersion %.100q, and known are v1beta3 and v1beta4 of kubeadm.k8s.io: convert it by "+
			"a kubeadm that has both (kubeadm config migrate)", stored, c.version)
	}
	etcd := mapOf(tree, "etcd")
	c.external = etcd["external"] != nil
	if c.dataDir, err = cleanDir(textOf(mapOf(etcd, "local"), "dataDir"), "/var/lib/etcd"); err != nil {
		return nil, fmt.Errorf("%s: etcd.local.dataDir: %w", stored, err)
	}
	if c.certDir, err = cleanDir(textOf(tree, "certificatesDir"), "/etc/kubernetes/pki"); err != nil {
		return nil, fmt.Errorf("%s: certificatesDir: %w", stored, err)
	}
	if v := versionForm.FindStringSubmatch(textOf(tree, "kubernetesVersion")); v != nil {
		c.minor, _ = strconv.Atoi(v[1])
	}
	return c, nil
}

var versionForm = regexp.MustCompile(`^v?1\.([0-9]{1,4})(\.|$)`)

// readKubelet gives the stored configuration of the kubelets, nil if there is none.
func readKubelet(objects *Objects) (map[string]any, error) {
	m := objects.kubeletMap()
	if m == nil {
		return nil, nil
	}
	tree, err := parseText(kubeSystem+"/"+m.Name+", kubelet", m.Data["kubelet"])
	if err != nil {
		return nil, err
	}
	if textOf(tree, "kind") != "KubeletConfiguration" {
		return nil, fmt.Errorf("%s/%s is of kind %.100q: it is no configuration of kubelets", kubeSystem, m.Name, textOf(tree,
			"kind"))
	}
	return tree, nil
}

func parseText(name, text string) (map[string]any, error) {
	f := File{name, []byte(text)}
	var tree map[string]any
	if err := parse(f, &tree); err != nil {
		return nil, err
	}
	return parseTree(f)
}

func (c *cluster) dual() bool {
	return strings.Contains(textOf(mapOf(c.tree, "networking"), "podSubnet"), ",")
}

// extraArg is one flag in the form of the version.
func (c *cluster) extraArg(name, value string) any {
	if c.version == "kubeadm.k8s.io/v1beta3" {
		return map[string]any{name: value}
	}
	return []any{map[string]any{"name": name, "value": value}}
}

// edit puts the new host where the old one is understood to be meant.
func (c *cluster) edit(e *editor) {
	e.field(c.tree, "controlPlaneEndpoint", "controlPlaneEndpoint", func(old string) string { return each(old, ",", e.host) })
	local := mapOf(mapOf(c.tree, "etcd"), "local")
	e.names(mapOf(c.tree, "apiServer"), "certSANs", "apiServer.certSANs")
	e.names(local, "serverCertSANs", "etcd.local.serverCertSANs")
	e.names(local, "peerCertSANs", "etcd.local.peerCertSANs")
	e.extraArgs(local, "etcd", "etcd.local.extraArgs")
	e.extraArgs(mapOf(c.tree, "apiServer"), "kube-apiserver", "apiServer.extraArgs")
	e.extraArgs(mapOf(c.tree, "controllerManager"), "kube-controller-manager", "controllerManager.extraArgs")
	e.extraArgs(mapOf(c.tree, "scheduler"), "kube-scheduler", "scheduler.extraArgs")
	if c.endpoint != "" && c.endpoint != textOf(c.tree, "controlPlaneEndpoint") {
		e.found("controlPlaneEndpoint", "it was the old host itself, so all kubelets ask there: each needs the new one in its "+
			"/etc/kubernetes/kubelet.conf; a name, or an address that moves, spares that the next time")
	}
	services, _, _ := strings.Cut(textOf(mapOf(c.tree, "networking"), "serviceSubnet"), ",")
	if p, err := netip.ParsePrefix(services); err == nil && p.Addr().Is4() != e.to.Address.Is4() {
		e.found("networking.serviceSubnet", "kube-apiserver does not start with Services of one family of IP and the address %s "+
			"of the other: give the new host an address of the family of its Services", e.to.Address)
	}
}

// names rewrites a list of names and addresses.
func (e *editor) names(tree map[string]any, key, field string) {
	list := listOf(tree, key)
	for i, item := range list {
		if text, ok := item.(string); ok {
			list[i] = e.changed(fmt.Sprintf("%s[%d]", field, i), text, e.host(text))
		}
	}
}

// extraArgs are a map in v1beta3, and a list since.
func (e *editor) extraArgs(tree map[string]any, program, field string) {
	flags := mapOf(tree, "extraArgs")
	for _, flag := range slices.Sorted(maps.Keys(flags)) {
		e.field(flags, flag, field+"."+clean(flag), func(old string) string { return e.rewrite(program, flag, old) })
	}
	for _, item := range listOf(tree, "extraArgs") {
		if arg, ok := item.(map[string]any); ok {
			flag := textOf(arg, "name")
			e.field(arg, "value", field+"."+clean(flag), func(old string) string { return e.rewrite(program, flag, old) })
		}
	}
}
