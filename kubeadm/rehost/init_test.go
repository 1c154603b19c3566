package rehost_test

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/clustersnap/clustersnap/kubeadm/rehost"
)

func objects(t testing.TB, version string) *rehost.Objects {
	t.Helper()
	text, err := os.ReadFile("testdata/" + version + "/objects.yaml")
	if err != nil {
		t.Fatal(err)
	}
	o, err := rehost.ReadObjects(text)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func planInit(t testing.TB, o *rehost.Objects, to rehost.Host, opts rehost.InitOptions) *rehost.Plan {
	t.Helper()
	plan, err := rehost.Init(o, oldHost, to, opts)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestInit(t *testing.T) {
	plan := planInit(t, objects(t, "v1beta4"), newHost, rehost.InitOptions{Token: "abcdef.0123456789abcdef"})
	const want = `apiVersion: kubeadm.k8s.io/v1beta4
bootstrapTokens:
- groups:
  - system:bootstrappers:kubeadm:default-node-token
  token: abcdef.0123456789abcdef
  ttl: 2h0m0s
  usages:
  - signing
  - authentication
kind: InitConfiguration
localAPIEndpoint:
  advertiseAddress: 10.0.9.7
nodeRegistration:
  criSocket: unix:///run/crio/crio.sock
  ignorePreflightErrors:
  - DirAvailable--var-lib-etcd
  name: cp-new
  taints:
  - effect: NoExecute
    key: example.org/own
    value: "yes"
---
apiServer:
  certSANs:
  - 10.0.9.7
  - cp-new
  - api.example.org
  extraArgs:
  - name: advertise-address
    value: 10.0.9.7
  - name: service-account-issuer
    value: https://10.0.0.11:6443
apiVersion: kubeadm.k8s.io/v1beta4
caCertificateValidityPeriod: 87600h0m0s
certificateValidityPeriod: 8760h0m0s
certificatesDir: /etc/kubernetes/pki
clusterName: kubernetes
controlPlaneEndpoint: 10.0.9.7:6443
controllerManager: {}
dns: {}
encryptionAlgorithm: RSA-2048
etcd:
  local:
    dataDir: /var/lib/etcd
    extraArgs:
    - name: listen-metrics-urls
      value: http://127.0.0.1:2381,http://10.0.9.7:2381
    peerCertSANs:
    - cp-new
imageRepository: registry.k8s.io
kind: ClusterConfiguration
kubernetesVersion: v1.37.2
networking:
  dnsDomain: cluster.local
  podSubnet: 10.244.0.0/16
  serviceSubnet: 10.96.0.0/12
proxy: {}
scheduler: {}
---
apiVersion: kubelet.config.k8s.io/v1beta1
cgroupDriver: systemd
clusterDNS:
- 10.96.0.10
kind: KubeletConfiguration
staticPodPath: /etc/kubernetes/manifests
`
	if string(plan.Config) != want {
		t.Errorf("the configuration is\n%s", plan.Config)
	}
	if len(plan.Changes) != 6 {
		t.Errorf("changes %v", plan.Changes)
	}
	wantFindings(t, plan, "controlPlaneEndpoint: it was the old host itself",
		"apiServer.extraArgs[service-account-issuer].value: 10.0.0.11 is mentioned",
		"kube-system/kube-proxy: data.kubeconfig.conf: 10.0.0.11 is mentioned")
	const steps = `put the shared files
put the files that flags
restore the snapshot into /var/lib/etcd, as member cp-new with the peer URL https://10.0.9.7:2380
write the configuration
kubeadm config validate --config /etc/kubernetes/rehost.yaml
kubeadm init --config /etc/kubernetes/rehost.yaml --skip-phases addon/coredns,addon/kube-proxy
kubeadm init phase upload-config kubeadm --config /etc/kubernetes/rehost.yaml
rm -f -- /etc/kubernetes/rehost.yaml
kubectl --kubeconfig /etc/kubernetes/admin.conf label node cp-new --overwrite example.org/rack=r1
kubectl --kubeconfig /etc/kubernetes/admin.conf delete node cp-1 --ignore-not-found`
	wantSteps(t, plan, steps)
	if strings.Contains(plan.String(), "0123456789abcdef") {
		t.Error("the plan shows the token")
	}
}

func wantFindings(t *testing.T, plan *rehost.Plan, want ...string) {
	t.Helper()
	if len(plan.Findings) != len(want) {
		t.Errorf("findings %v, want %d", plan.Findings, len(want))
	}
	for i, f := range plan.Findings {
		if i < len(want) && !strings.Contains(f.String(), want[i]) {
			t.Errorf("finding %v, want it to say %q", f, want[i])
		}
	}
}

// wantSteps holds the steps against lines: a command, or how a step without one begins.
func wantSteps(t *testing.T, plan *rehost.Plan, want string) {
	t.Helper()
	lines := strings.Split(want, "\n")
	for i, s := range plan.Steps {
		got := s.Shell()
		if got == "" && i < len(lines) && strings.HasPrefix(s.Do, lines[i]) {
			got = lines[i]
		}
		if i >= len(lines) || got != lines[i] {
			t.Errorf("step %d is %s: %s %s", i, s.Where, s.Do, s.Shell())
		}
		if s.Do == "" || s.Why == "" || s.Node == "" || s.Where == "" || s.Stage == "" {
			t.Errorf("step %d lacks something: %+v", i, s)
		}
	}
	if len(plan.Steps) != len(lines) {
		t.Errorf("%d steps, want %d", len(plan.Steps), len(lines))
	}
}

func TestInitOfOldVersion(t *testing.T) {
	to := newHost
	to.Others, to.Port = []netip.Addr{netip.MustParseAddr("fd00::7")}, 443
	plan := planInit(t, objects(t, "v1beta3"), to, rehost.InitOptions{CRISocket: "unix:///run/containerd/containerd.sock"})
	for _, want := range []string{
		"apiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\nlocalAPIEndpoint:\n  advertiseAddress: 10.0.9.7\n  " +
			"bindPort: 443\n",
		"  ignorePreflightErrors:\n  - DirAvailable--data-etcd\n", "  criSocket: unix:///run/containerd/containerd.sock\n",
		"  kubeletExtraArgs:\n    node-ip: 10.0.9.7,fd00::7\n",
		"    bind-address: 10.0.9.7\n", "    etcd-servers-overrides: /events#https://10.0.9.7:4002\n",
	} {
		if !strings.Contains(string(plan.Config), want) {
			t.Errorf("no %q in\n%s", want, plan.Config)
		}
	}
	for _, not := range []string{"taints", "bootstrapTokens"} { // kubeadm's own
		if strings.Contains(string(plan.Config), not) {
			t.Errorf("%q in\n%s", not, plan.Config)
		}
	}
	wantFindings(t, plan, "kubelet-config: the objects have no configuration")
	wantSteps(t, plan, "put the shared files\nput the files that flags\nrestore the snapshot into /data/etcd\n"+
		"write the configuration\n"+initCommands+"\n"+
		"kubectl --kubeconfig /etc/kubernetes/admin.conf delete node cp-1 --ignore-not-found")
	plan = planInit(t, objects(t, "v1beta3"), newHost, rehost.InitOptions{})
	wantFindings(t, plan, "kubelet-config", "networking: the cluster has both families")
}

func TestInitWithEtcdElsewhere(t *testing.T) {
	o := objects(t, "v1beta4")
	config := o.ConfigMaps[0].Data
	config["ClusterConfiguration"] = strings.Replace(config["ClusterConfiguration"], "  local:\n",
		"  external: {endpoints: ['https://10.0.5.1:2379']}\n  unused:\n", 1)
	same := oldHost
	same.Address = newHost.Address
	plan := planInit(t, o, same, rehost.InitOptions{})
	if strings.Contains(string(plan.Config), "ignorePreflightErrors") {
		t.Errorf("errors of a directory that there is not are ignored:\n%s", plan.Config)
	}
	wantSteps(t, plan, "put the shared files\nput the files that flags\nwrite the configuration\n"+
		"kubeadm config validate --config /etc/kubernetes/rehost.yaml\n"+initCommands)
}

const initCommands = "kubeadm init --config /etc/kubernetes/rehost.yaml --skip-phases addon/coredns,addon/kube-proxy\n" +
	"kubeadm init phase upload-config kubeadm --config /etc/kubernetes/rehost.yaml\nrm -f -- /etc/kubernetes/rehost.yaml"

func TestInitRefused(t *testing.T) {
	edit := func(old, next string) func(*rehost.Objects) {
		return func(o *rehost.Objects) {
			data := o.ConfigMaps[0].Data
			data["ClusterConfiguration"] = strings.Replace(data["ClusterConfiguration"], old, next, 1)
		}
	}
	for _, tt := range []struct {
		name string
		edit func(*rehost.Objects)
		to   rehost.Host
		opts rehost.InitOptions
		says string
	}{
		{"no ConfigMap", func(o *rehost.Objects) { o.ConfigMaps = nil }, newHost, rehost.InitOptions{}, "no ConfigMap"},
		{"old version", edit("v1beta4", "v1beta2"), newHost, rehost.InitOptions{}, "kubeadm config migrate"},
		{"another kind", edit("kind: Cluster", "kind: Join"), newHost, rehost.InitOptions{}, "no configuration of kubeadm"},
		{"no YAML", edit("proxy: {}", "hunter2: a: b"), newHost, rehost.InitOptions{}, "parse kube-system/kubeadm-config"},
		{"empty", func(o *rehost.Objects) { o.ConfigMaps[0].Data = nil }, newHost, rehost.InitOptions{},
			"parse kube-system/kubeadm-config"},
		{"data directory", edit("/var/lib/etcd", "/var/lib/$(reboot)"), newHost, rehost.InitOptions{}, "etcd.local.dataDir"},
		{"relative data directory", edit("/var/lib/etcd", "../etcd"), newHost, rehost.InitOptions{}, "etcd.local.dataDir"},
		{"certificates", edit("/etc/kubernetes/pki", "/etc/../pki"), newHost, rehost.InitOptions{}, "certificatesDir"},
		{"kubelets", func(o *rehost.Objects) { o.ConfigMaps[1].Data["kubelet"] = "kind: Other" }, newHost, rehost.InitOptions{},
			"no configuration of kubelets"},
		{"token", func(*rehost.Objects) {}, newHost, rehost.InitOptions{Token: "hunter2"}, "the token is not"},
		{"socket", func(*rehost.Objects) {}, newHost, rehost.InitOptions{CRISocket: "unix:///a b"}, "socket"},
		{"name", func(*rehost.Objects) {}, rehost.Host{Name: "-x", Address: newHost.Address}, rehost.InitOptions{}, "node name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := objects(t, "v1beta4")
			tt.edit(o)
			_, err := rehost.Init(o, oldHost, tt.to, tt.opts)
			if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v, want an error that says %q", err, tt.says)
			}
			if (tt.name == "no ConfigMap") != errors.Is(err, rehost.ErrNoConfiguration) {
				t.Errorf("%v is ErrNoConfiguration: %t", err, tt.name != "no ConfigMap")
			}
		})
	}
}

func TestReadObjects(t *testing.T) {
	const text = `apiVersion: v1
kind: SecretList
items:
- metadata: {name: bootstrap-token-abcdef, namespace: kube-system}
  type: bootstrap.kubernetes.io/token
  data: {token-secret: aHVudGVyMg==, expiration: MjAyNi0wMS0wMVQwMDowMDowMFo=, usage-bootstrap-signing: dHJ1ZQ==}
- metadata: {name: kubeadm-certs, namespace: kube-system}
  data: {ca.key: aHVudGVyMg==}
- metadata: {name: other, namespace: kube-system}
  data: {password: aHVudGVyMg==}
--- # more
{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}}
`
	o, err := rehost.ReadObjects([]byte(text))
	if err != nil || len(o.Secrets) != 2 {
		t.Fatalf("%+v, %v", o, err)
	}
	for _, s := range o.Secrets {
		for key, value := range s.Data {
			if strings.Contains(string(value), "hunter2") {
				t.Errorf("%s has %s: %s", s.Name, key, value)
			}
		}
	}
	if got := string(o.Secrets[0].Data["expiration"]); got != "2026-01-01T00:00:00Z" ||
		o.Secrets[0].Type != corev1.SecretTypeBootstrapToken {
		t.Errorf("the token is %+v", o.Secrets[0])
	}
	for name, bad := range map[string]string{
		"a Pod": "apiVersion: v1\nkind: Pod", "a Deployment": "apiVersion: apps/v1\nkind: Deployment", "no object": "hunter2",
		"a Pod in a list": "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod}]", "no kind": "a: b",
		"a list in a list": "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: List, items: []}]",
		"a bad value":      "apiVersion: v1\nkind: Secret\ndata: {hunter2: '%'}", "too large": strings.Repeat(" ", 64<<20+1),
		"aliases": "a: &a " + strings.Repeat("x", 1<<15) + "\nb: [" + strings.Repeat("*a,", 10_000) + "]\n",
	} {
		if _, err := rehost.ReadObjects([]byte(bad)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want an error that shows nothing", name, err)
		}
	}
}
