package check_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"time"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/check"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// kubeconfigDefects are those of kubeconfigs.
var kubeconfigDefects = []defect{
	{"kubeconfig trusts another CA", func(n *testNode) {
		n.edit(admin, between(n.t, n.files[admin].Data, "certificate-authority-data: "),
			base64.StdEncoding.EncodeToString(n.files[pki+"etcd/ca.crt"].Data))
	}, fatal(check.OtherCA, role.AdminConf, admin)},
	{"kubeconfig names another CA", func(n *testNode) {
		n.edit(admin, "certificate-authority-data: "+between(n.t, n.files[admin].Data, "certificate-authority-data: "),
			"certificate-authority: /"+pki+"etcd/ca.crt")
	}, fatal(check.OtherCA, role.AdminConf, admin)},
	{"kubeconfig without a CA", func(n *testNode) {
		n.edit(admin, "certificate-authority-data: "+between(n.t, n.files[admin].Data, "certificate-authority-data: "), "x: y")
	}, fatal(check.OtherCA, role.AdminConf, admin)},
	{"kubeconfig with a broken CA", func(n *testNode) {
		n.edit(admin, between(n.t, n.files[admin].Data, "certificate-authority-data: "), "AAAA")
	}, fatal(check.Unparsable, role.AdminConf, admin)},
	{"kubeconfig with a broken certificate", func(n *testNode) {
		n.edit(admin, between(n.t, n.files[admin].Data, "client-certificate-data: "), "AAAA")
	}, fatal(check.Unparsable, role.AdminConf, admin)},
	{"kubeconfig with a broken key", func(n *testNode) {
		n.edit(admin, between(n.t, n.files[admin].Data, "client-key-data: "), "AAAA")
	}, fatal(check.Unparsable, role.AdminConf, admin)},
	{"kubeconfig that names a broken CA", func(n *testNode) {
		n.edit(admin, "certificate-authority-data: "+between(n.t, n.files[admin].Data, "certificate-authority-data: "),
			"certificate-authority: ../own.crt")
		n.put("etc/own.crt", role.Referenced, 0o644, nil)
	}, fatal(check.Unparsable, role.Referenced, "etc/own.crt")},
	{"kubeconfigs that name the same broken key", func(n *testNode) {
		for _, name := range []string{"admin", "scheduler"} {
			f := n.files["etc/kubernetes/"+name+".conf"]
			n.edit(f.Path, "client-key-data: "+between(n.t, f.Data, "client-key-data: "), "client-key: /etc/own.key")
		}
		n.put("etc/own.key", role.Referenced, 0o600, nil)
	}, fatal(check.Unparsable, role.Referenced, "etc/own.key")},
	{"kubeconfig with a server without TLS", func(n *testNode) {
		n.edit(controllerManager, "https://api", "http://api")
	}, fatal(check.BadKubeconfig, role.ControllerManagerConf, controllerManager)},
	{"kubeconfig with a server that is no host", func(n *testNode) {
		n.edit(controllerManager, "https://api", "https://"+strings.Repeat("a", 64))
	}, fatal(check.BadKubeconfig, role.ControllerManagerConf, controllerManager)},
	{"kubeconfig with a bad server", func(n *testNode) {
		n.edit(controllerManager, "https://api.example.org:6443", "api.example.org:6443")
	}, fatal(check.BadKubeconfig, role.ControllerManagerConf, controllerManager)},
	{"kubeconfig that leads nowhere", func(n *testNode) {
		n.edit(controllerManager, "current-context: me", "current-context: you")
	}, fatal(check.BadKubeconfig, role.ControllerManagerConf, controllerManager)},
	{"kubeconfig without credentials", func(n *testNode) {
		n.put("etc/kubernetes/scheduler.conf", role.SchedulerConf, 0o600, n.kubeconfigText("username: \"\"\n"))
	}, fatal(check.BadKubeconfig, role.SchedulerConf, "etc/kubernetes/scheduler.conf")},
	{"kubeconfig with a name that the server has not", func(n *testNode) {
		n.edit(admin, "https://api.example.org:6443", "https://api.example.org:6443\n    tls-server-name: lb.example.org")
	}, fatal(check.MissingName, role.APIServerCert, pki+"apiserver.crt")},
	{"kubeconfig that verifies no server", func(n *testNode) {
		n.edit(admin, "certificate-authority-data: "+between(n.t, n.files[admin].Data, "certificate-authority-data: "),
			"insecure-skip-tls-verify: true")
		n.edit(admin, "https://api.example.org", "https://lb.example.org")
	}, warning(check.Insecure, role.AdminConf, admin)},
	{"kubelet's pair of a day, which it should have renewed", func(n *testNode) { n.kubeletPairs(-22*hour, 2*hour) },
		warning(check.Expiring, role.KubeletOwnClient, dated)},
}

// kubeletPairs has the kubelet's own certificate begin and end so.
func (n *testNode) kubeletPairs(begins, ends time.Duration) {
	key := bytes.TrimPrefix(n.files[dated].Data, n.sign(dated))
	n.issued[dated].NotBefore, n.issued[dated].NotAfter = now.Add(begins), now.Add(ends)
	n.change(dated, func(f *pkibundle.File) { f.Data = append(n.sign(dated), key...) })
}
