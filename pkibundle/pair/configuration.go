package pair

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"strings"

	"github.com/clustersnap/clustersnap/internal/boundedyaml"
	"github.com/clustersnap/clustersnap/pkibundle/internal/pod"
)

// configuration is what is compared of kubeadm's ClusterConfiguration. These fields are the same in v1beta1 to
// v1beta4 and v1 (cmd/kubeadm/app/apis/kubeadm in kubernetes/kubernetes).
type configuration struct {
	Kind                 string    `json:"kind"`
	KubernetesVersion    string    `json:"kubernetesVersion"`
	ControlPlaneEndpoint string    `json:"controlPlaneEndpoint"`
	CertificatesDir      string    `json:"certificatesDir"`
	APIServer            component `json:"apiServer"`
	Networking           struct {
		ServiceSubnet string `json:"serviceSubnet"`
	} `json:"networking"`
	Etcd struct {
		Local struct {
			component
			DataDir string `json:"dataDir"`
		} `json:"local"`
		External *struct {
			Endpoints []string `json:"endpoints"`
		} `json:"external"`
	} `json:"etcd"`
}

// component has flags of the operator's own.
type component struct {
	ExtraArgs any `json:"extraArgs"` // a map up to v1beta3, then a list of names and values
}

// flag gives the operator's own value of a flag, else the one that kubeadm writes.
func (c component) flag(name, kubeadms string) string {
	switch args := c.ExtraArgs.(type) {
	case map[string]any:
		if value, ok := args[name].(string); ok {
			return value
		}
	case []any:
		for _, arg := range args {
			pair, _ := arg.(map[string]any)
			if value, ok := pair["value"].(string); ok && pair["name"] == name {
				kubeadms = value // the last one counts
			}
		}
	}
	return kubeadms
}

func parseConfiguration(text []byte) (*configuration, error) {
	if err := bounded(text, maxYAML); err != nil {
		return nil, err
	}
	c := &configuration{}
	if boundedyaml.Unmarshal(text, c) != nil || c.Kind != "ClusterConfiguration" {
		return nil, errors.New("it is no ClusterConfiguration of kubeadm.k8s.io")
	}
	return c, nil
}

// fact is a field of the ClusterConfiguration, and what the node has of it.
type fact struct {
	field, want string
	place, got  string // empty if the bundle does not say
	lacks       string // what the bundle should have
	hint        string // for a mismatch
}

// against holds the node against the ClusterConfiguration; err says why there is none to hold it against.
func (n node) against(text []byte, err error) []Result {
	var c *configuration
	if err == nil {
		c, err = parseConfiguration(text)
	}
	if err != nil {
		return []Result{{ClusterConfiguration, NotCheckable, fmt.Sprintf("ConfigMap %s: %v", kubeadmName, err)}}
	}
	var list []Result
	for _, f := range n.facts(c) {
		list = append(list, f.result())
	}
	return list
}

func (f fact) result() Result {
	field := fmt.Sprintf("%s in ConfigMap %s", f.field, kubeadmName)
	switch {
	case f.want == "":
		return Result{ClusterConfiguration, NotCheckable, field + " is empty"}
	case f.got == "":
		return Result{ClusterConfiguration, NotCheckable, fmt.Sprintf(
			"%s is %.200q, and the bundle has no %s", field, f.want, f.lacks)}
	case f.want != f.got:
		return Result{ClusterConfiguration, Mismatch, fmt.Sprintf(
			"%s gives %.200q, and %s has %.200q%s", field, f.want, f.place, f.got, f.hint)}
	}
	return Result{ClusterConfiguration, Match, fmt.Sprintf("%s gives %.200q, and so has %s", field, f.want, f.place)}
}

func (n node) facts(c *configuration) []fact {
	api := n.program("kube-apiserver")
	facts := []fact{
		flagFact(api, "networking.serviceSubnet", "kube-apiserver", "service-cluster-ip-range",
			c.APIServer.flag("service-cluster-ip-range", c.Networking.ServiceSubnet)),
		flagFact(api, "certificatesDir", "kube-apiserver", "client-ca-file",
			c.APIServer.flag("client-ca-file", join(c.CertificatesDir, "ca.crt"))),
	}
	if c.Etcd.External != nil {
		facts = append(facts, flagFact(api, "etcd.external.endpoints", "kube-apiserver", "etcd-servers",
			c.APIServer.flag("etcd-servers", strings.Join(c.Etcd.External.Endpoints, ","))))
	} else {
		facts = append(facts, flagFact(n.program("etcd"), "etcd.local.dataDir", "etcd", "data-dir",
			c.Etcd.Local.flag("data-dir", c.Etcd.Local.DataDir)))
	}
	return append(facts, n.version(c), n.endpoint(c))
}

// join is path.Join, of nothing if there is no directory.
func join(dir, name string) string {
	if dir == "" {
		return ""
	}
	return path.Join(dir, name)
}

// flagFact is a field that ends up in a flag of a program.
func flagFact(p *pod.Program, field, name, flag, want string) fact {
	return fact{
		field: field, want: spaceless(want), got: spaceless(p.Flag(flag)),
		place: fmt.Sprintf("--%s in %s", flag, p.Path),
		lacks: fmt.Sprintf("manifest of %s with --%s", name, flag),
	}
}

// spaceless is a list without the spaces that may stand behind its commas.
func spaceless(list string) string { return strings.ReplaceAll(list, " ", "") }

// version is a fact of the image, whose tag cannot have a plus (KubernetesVersionToImageTag in
// cmd/kubeadm/app/util/version.go).
func (n node) version(c *configuration) fact {
	api := n.program("kube-apiserver")
	image, _, _ := strings.Cut(api.Image, "@")
	var tag string
	if colon := strings.LastIndexByte(image, ':'); colon > strings.LastIndexByte(image, '/') {
		tag = image[colon+1:]
	}
	return fact{
		field: "kubernetesVersion", want: strings.ReplaceAll(c.KubernetesVersion, "+", "_"), got: tag,
		place: "the image in " + api.Path, lacks: "manifest of kube-apiserver with a tag at the image",
		hint: ": one of the two is from before an upgrade",
	}
}

// endpoint is a fact of admin.conf. Without a port it has kube-apiserver's (GetControlPlaneEndpoint in
// cmd/kubeadm/app/util/endpoint.go).
func (n node) endpoint(c *configuration) fact {
	want := c.ControlPlaneEndpoint
	if _, _, err := net.SplitHostPort(want); err != nil && want != "" {
		port := "6443"
		api := n.program("kube-apiserver")
		if own := api.Flag("secure-port"); own != "" {
			port = own
		}
		want = net.JoinHostPort(strings.Trim(want, "[]"), port)
	}
	var got string
	if server, err := url.Parse(n.admin); err == nil {
		got = server.Host
	}
	return fact{
		field: "controlPlaneEndpoint", want: strings.ToLower(want), got: strings.ToLower(got),
		place: "the server of " + n.adminPath, lacks: "admin.conf with a server",
	}
}
