package pair

import (
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

func TestConfigurationForms(t *testing.T) {
	const external = "etcd: {external: {endpoints: ['https://a:2379', 'https://b:2379']}}\n"
	for _, c := range []struct{ name, edit, with, flags, server string }{
		{"dual stack", "10.96.0.0/12", "10.96.0.0/12, fd00::/108", "--service-cluster-ip-range=10.96.0.0/12,fd00::/108", ""},
		{"flags in a map",
			"apiServer: {}", "apiServer: {extraArgs: {service-cluster-ip-range: 10.7.0.0/16}}", "--service-cluster-ip-range=10.7.0.0/16", ""},
		{"flags in a list",
			"apiServer: {}", "apiServer: {extraArgs: [{name: service-cluster-ip-range, value: 10.6.0.0/16}, " +
				"{name: v, value: '1'}, {name: service-cluster-ip-range, value: 10.7.0.0/16}]}",
			"--service-cluster-ip-range=10.7.0.0/16", ""},
		{"etcd elsewhere",
			"etcd:\n  local:\n    dataDir: /var/lib/etcd\n", external, "--etcd-servers=https://a:2379,https://b:2379", ""},
		{"version of a build", "v1.37.2", "v1.37.2+a1b2", "", ""},
		{"endpoint with a port", "Cluster.example", "cluster.example:8443", "", "https://cluster.example:8443"},
		{"endpoint without a port", "Cluster.example", "cluster.example", "--secure-port=8443", "https://cluster.example:8443"},
		{"address of IPv6", "Cluster.example", "'[fd00::1]'", "--secure-port=8443", "https://[fd00::1]:8443"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.configMap("kube-system", "kubeadm-config", "ClusterConfiguration", strings.Replace(clusterConfiguration, c.edit, c.with, 1))
			image := "kube-apiserver:v1.37.2"
			if c.edit == "v1.37.2" {
				image += "_a1b2"
			}
			w.apiServer(image, rangeFlag, caFlag, "'"+c.flags+"'")
			if c.server != "" {
				w.put(adminPath, role.AdminConf, []byte(adminConf(c.server)))
			}
			for _, r := range w.results() {
				if r.State != Match {
					t.Errorf("%+v", r)
				}
			}
		})
	}
}
