package rehost_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/kubeadm/rehost"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func planJoin(t testing.TB, o *rehost.Objects, to rehost.Host, others []rehost.Other, members []rehost.Member) *rehost.Plan {
	t.Helper()
	plan, err := rehost.Join(o, oldHost, to, others, members, now)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// withInfo adds the ConfigMap cluster-info with a CA, and gives the hash of that.
func withInfo(t testing.TB, o *rehost.Objects, server string) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: now.AddDate(10, 0, 0), IsCA: true,
		BasicConstraintsValid: true}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	o.ConfigMaps = append(o.ConfigMaps, corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-public", Name: "cluster-info"},
		Data: map[string]string{"kubeconfig": fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters:\n- name: \"\"\n  cluster: "+
			"{server: %q, certificate-authority-data: %s}\n",
			server, base64.StdEncoding.EncodeToString(text))},
	})
	sum := sha256.Sum256(key)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// needs are lines, state kind name each.
func needs(plan *rehost.Plan) string {
	var lines []string
	for _, n := range plan.Needs {
		lines = append(lines, n.State+" "+n.Kind+" "+n.Name)
	}
	return strings.Join(lines, "\n")
}

const (
	onAPI   = "kubectl --kubeconfig /etc/kubernetes/admin.conf "
	etcdctl = "kubectl --kubeconfig /etc/kubernetes/admin.conf -n kube-system exec etcd-cp-new -- etcdctl " +
		"--endpoints=https://127.0.0.1:2379 " +
		"--cacert=/etc/kubernetes/pki/etcd/ca.crt --cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt " +
		"--key=/etc/kubernetes/pki/etcd/healthcheck-client.key "
	untilEnded = `command -v ss && command -v pkill && pgrep --ns $$ --nslist net --full -- . || exit 1; tries=0; ` +
		`while ss -Hltn "sport = :$1" | grep -q . || pgrep --ns $$ --nslist net --full -- "$2"; ` +
		`do sleep 1; tries=$((tries + 1)); [ $tries -lt 60 ] || pkill --ns $$ --nslist net --full -- "$2"; done`
	untilUnlocked = `[ -f "$1" ] && until flock --timeout 30 "$1" true; do pkill --full -- "$2" || sleep 1; done`
	untilDone     = `until "$@"; do sleep 1; done`
	ended         = "timeout 300 sh -c '" + untilEnded + "' port 6443 " +
		"'^([^ ]*/)?kube-apiserver( .*)? --?secure-port[= ]6443( |$)'"
	repeated = "timeout 300 sh -c '" + untilDone + "' repeat "
)

// The restored host has another name and address, one control plane is as it was, one is empty, a worker is gone and one is
// not spoken of.
func TestJoin(t *testing.T) {
	o := objects(t, "v1beta4")
	hash := withInfo(t, o, "https://10.0.0.11:6443")
	plan := planJoin(t, o, newHost,
		[]rehost.Other{{Name: "cp-3", State: rehost.Empty}, {Name: "cp-2", State: rehost.Intact}, {Name: "w-1", State: rehost.Gone}},
		[]rehost.Member{{ID: 0xab, Name: "cp-new", PeerURL: "https://10.0.9.7:2380"}, {ID: 0xcd, Name: "cp-2",
			PeerURL: "https://10.0.0.12:2380"}, {ID: 0xef}})
	const wantNeeds = `stale Node cp-1
present Node cp-2
stale Node cp-3
stale Node w-1
present Node w-2
stale Member cp-2
stale Member ef
stale ConfigMap kubeadm-config
present ConfigMap kubelet-config
stale ConfigMap cluster-info
missing Secret bootstrap-token-*
missing Secret kubeadm-certs`
	if got := needs(plan); got != wantNeeds {
		t.Errorf("needs\n%s", got)
	}
	wantFindings(t, plan, "controlPlaneEndpoint: it is the old host: set it to 10.0.9.7:6443",
		"data.kubeconfig.conf: 10.0.0.11 is mentioned")
	const redirect = `sed -i 's#https://10\.0\.0\.11:6443$#https://10.0.9.7:6443#' /etc/kubernetes/kubelet.conf`
	wantSteps(t, plan, strings.Join([]string{
		"mkdir --mode=0700 /etc/kubernetes/manifests.aside",
		"mv --target-directory=/etc/kubernetes/manifests.aside /etc/kubernetes/manifests/kube-apiserver.yaml " +
			"/etc/kubernetes/manifests/kube-controller-manager.yaml /etc/kubernetes/manifests/kube-scheduler.yaml",
		ended,
		"mv --target-directory=/etc/kubernetes/manifests.aside /etc/kubernetes/manifests/etcd.yaml",
		"timeout 300 sh -c '" + untilUnlocked + "' file /var/lib/etcd/member/snap/db " +
			"'^([^ ]*/)?etcd( .*)? --?data-dir[= ]/var/lib/etcd( |$)'",
		repeated + etcdctl + "endpoint health",
		etcdctl + "member remove cd",
		etcdctl + "member remove ef",
		onAPI + "delete node cp-3",
		onAPI + "delete node w-1",
		onAPI + "delete node cp-1",
		onAPI + "label node cp-new --overwrite example.org/rack=r1",
		onAPI + "taint node cp-new --overwrite example.org/own=yes:NoExecute",
		"kubeadm init phase bootstrap-token --skip-token-print --kubeconfig /etc/kubernetes/admin.conf",
		"kubeadm token create --ttl 2h --kubeconfig /etc/kubernetes/admin.conf",
		"kubeadm init phase upload-certs --upload-certs --kubeconfig /etc/kubernetes/admin.conf",
		"mv --no-target-directory /var/lib/etcd/member /var/lib/etcd/member.aside",
		etcdctl + "member add cp-2 --learner --peer-urls=https://10.0.0.12:2380",
		`sed -i -E -e '/^ *- --initial-cluster-state=/d' -e 's#^( *)- --initial-cluster=.*#\1- --initial-cluster=` +
			`cp-new=https://10.0.9.7:2380,cp-2=https://10.0.0.12:2380` +
			`\n\1- --initial-cluster-state=existing#' /etc/kubernetes/manifests.aside/etcd.yaml`,
		"grep --quiet -- --initial-cluster-state=existing /etc/kubernetes/manifests.aside/etcd.yaml",
		"mv --no-clobber /etc/kubernetes/manifests.aside/etcd.yaml /etc/kubernetes/manifests/etcd.yaml",
		repeated + etcdctl + "member promote '<member-id>'",
		"mv --no-clobber /etc/kubernetes/manifests.aside/kube-apiserver.yaml /etc/kubernetes/manifests/kube-apiserver.yaml",
		"mv --no-clobber /etc/kubernetes/manifests.aside/kube-controller-manager.yaml " +
			"/etc/kubernetes/manifests/kube-controller-manager.yaml",
		"mv --no-clobber /etc/kubernetes/manifests.aside/kube-scheduler.yaml /etc/kubernetes/manifests/kube-scheduler.yaml",
		"rmdir /etc/kubernetes/manifests.aside",
		redirect,
		"systemctl restart kubelet",
		"kubeadm join 10.0.9.7:6443 --token '<token>' --node-name cp-3 --discovery-token-ca-cert-hash " + hash +
			" --control-plane --certificate-key '<certificate-key>' --apiserver-advertise-address 10.0.0.13",
		redirect,
		"systemctl restart kubelet",
	}, "\n"))
	fenced := 0
	for _, s := range plan.Steps {
		if s.Stage == "fence" {
			fenced++
		}
	}
	if fenced != 5 {
		t.Errorf("%d steps fence", fenced)
	}
}

// Nothing has moved, and there is nothing to give away: a worker is joined anew.
func TestJoinOfWorker(t *testing.T) {
	o := objects(t, "v1beta4")
	o.Nodes = o.Nodes[3:4]
	hash := withInfo(t, o, "https://10.0.0.11:6443")
	o.Secrets = []corev1.Secret{
		token("valid1", now.Add(time.Hour).Format(time.RFC3339)), token("passed", now.Format(time.RFC3339)), token("unread",
			"soon"), token("alone1", ""),
	}
	delete(o.Secrets[3].Data, "usage-bootstrap-signing")
	plan := planJoin(t, o, oldHost, []rehost.Other{{Name: "w-1", State: rehost.Empty}, {Name: "w-9", State: rehost.Empty}}, nil)
	const wantNeeds = `stale Node w-1
present ConfigMap kubeadm-config
present ConfigMap kubelet-config
present ConfigMap cluster-info
present Secret bootstrap-token-valid1
expired Secret bootstrap-token-passed
expired Secret bootstrap-token-unread
present Secret bootstrap-token-alone1`
	if got := needs(plan); got != wantNeeds {
		t.Errorf("needs\n%s", got)
	}
	wantFindings(t, plan)
	wantSteps(t, plan, strings.Join([]string{
		onAPI + "delete node w-1",
		"kubeadm token create --ttl 2h --kubeconfig /etc/kubernetes/admin.conf",
		"kubeadm join 10.0.0.11:6443 --token '<token>' --node-name w-1 --discovery-token-ca-cert-hash " + hash,
		onAPI + "label node w-1 --overwrite example.org/disk=fast example.org/zone=",
		onAPI + "taint node w-1 --overwrite example.org/gpu=:NoSchedule",
		"kubeadm join 10.0.0.11:6443 --token '<token>' --node-name w-9 --discovery-token-ca-cert-hash " + hash,
	}, "\n"))
}

func token(id, expiration string) corev1.Secret {
	s := corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "bootstrap-token-" + id}, Type: corev1.SecretTypeBootstrapToken,
		Data: map[string][]byte{"usage-bootstrap-signing": []byte("true"), "usage-bootstrap-authentication": []byte("true")},
	}
	if expiration != "" {
		s.Data["expiration"] = []byte(expiration)
	}
	return s
}

func TestJoinNeeds(t *testing.T) {
	certs := func(age time.Duration) func(*rehost.Objects) {
		return func(o *rehost.Objects) {
			o.Secrets = []corev1.Secret{{ObjectMeta: metav1.ObjectMeta{
				Namespace: "kube-system", Name: "kubeadm-certs", CreationTimestamp: metav1.NewTime(now.Add(-age)),
			}}}
		}
	}
	edit := func(old, next string) func(*rehost.Objects) {
		return func(o *rehost.Objects) {
			data := o.ConfigMaps[0].Data
			data["ClusterConfiguration"] = strings.Replace(data["ClusterConfiguration"], old, next, 1)
		}
	}
	empty := []rehost.Other{{Name: "cp-3", State: rehost.Empty}}
	for _, tt := range []struct {
		name    string
		edit    func(*rehost.Objects)
		others  []rehost.Other
		members []rehost.Member
		need    string // a line
		finding string // a piece
	}{
		{"certificates of an hour", certs(time.Hour), empty, nil, "present Secret kubeadm-certs", ""},
		{"certificates of two hours", certs(2 * time.Hour), empty, nil, "expired Secret kubeadm-certs", ""},
		{"no cluster-info", func(*rehost.Objects) {}, empty, nil, "missing ConfigMap cluster-info",
			"the hash of the CA is not known"},
		{"bad cluster-info", func(o *rehost.Objects) {
			withInfo(t, o, "https://10.0.0.11:6443")
			o.ConfigMaps[3].Data["kubeconfig"] = "clusters: [{cluster: {certificate-authority-data: eA==}}]"
		}, empty, nil, "stale ConfigMap cluster-info", "the hash of the CA is not known"},
		{"no stable endpoint", edit("controlPlaneEndpoint: 10.0.0.11:6443\n", ""), empty, nil, "present ConfigMap kubeadm-config",
			"kubeadm join refuses a control plane"},
		{"another port", edit("controlPlaneEndpoint: 10.0.0.11:6443\n", "controlPlaneEndpoint: api.example.org\n"), empty, nil,
			"present ConfigMap kubeadm-config", ""},
		{"node after the snapshot", func(*rehost.Objects) {}, []rehost.Other{{Name: "w-9", State: rehost.Intact}}, nil,
			"missing Node w-9", ""},
		{"no configuration of kubelets", func(o *rehost.Objects) { o.ConfigMaps = o.ConfigMaps[:1] }, nil, nil,
			"missing ConfigMap kubelet-config", ""},
		{"kubelets before 1.24", func(o *rehost.Objects) { o.ConfigMaps[1].Name = "kubelet-config-1.23" }, nil, nil,
			"present ConfigMap kubelet-config-1.23", ""},
		{"wrong peer URL", func(*rehost.Objects) {}, nil, []rehost.Member{{ID: 0xab, Name: "cp-1",
			PeerURL: "http://localhost:2380"}}, "present Node cp-2",
			"etcdctl member update ab --peer-urls=https://10.0.0.11:2380"},
		{"certificates elsewhere", edit("/etc/kubernetes/pki", "/pki"), empty, nil, "missing Secret kubeadm-certs",
			"give that step a --config"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := objects(t, "v1beta4")
			tt.edit(o)
			plan := planJoin(t, o, oldHost, tt.others, tt.members)
			if !strings.Contains("\n"+needs(plan)+"\n", "\n"+tt.need+"\n") {
				t.Errorf("no %q in\n%s", tt.need, needs(plan))
			}
			said := false
			for _, f := range plan.Findings {
				said = said || tt.finding != "" && strings.Contains(f.String(), tt.finding)
			}
			if said != (tt.finding != "") {
				t.Errorf("findings %v, want one that says %q", plan.Findings, tt.finding)
			}
		})
	}
}

// Where etcd is elsewhere, a control plane that is as it was starts its programs anew, and no member is touched.
func TestJoinWithEtcdElsewhere(t *testing.T) {
	o := objects(t, "v1beta4")
	data := o.ConfigMaps[0].Data
	data["ClusterConfiguration"] = strings.Replace(data["ClusterConfiguration"], "  local:\n",
		"  external: {endpoints: ['https://10.0.5.1:2379']}\n  unused:\n", 1)
	o.Nodes = o.Nodes[1:2]
	wantSteps(t, planJoin(t, o, oldHost, nil, nil), strings.Join([]string{
		"mkdir --mode=0700 /etc/kubernetes/manifests.aside",
		"mv --target-directory=/etc/kubernetes/manifests.aside /etc/kubernetes/manifests/kube-apiserver.yaml " +
			"/etc/kubernetes/manifests/kube-controller-manager.yaml /etc/kubernetes/manifests/kube-scheduler.yaml",
		ended,
		"mv --no-clobber /etc/kubernetes/manifests.aside/kube-apiserver.yaml /etc/kubernetes/manifests/kube-apiserver.yaml",
		"mv --no-clobber /etc/kubernetes/manifests.aside/kube-controller-manager.yaml " +
			"/etc/kubernetes/manifests/kube-controller-manager.yaml",
		"mv --no-clobber /etc/kubernetes/manifests.aside/kube-scheduler.yaml /etc/kubernetes/manifests/kube-scheduler.yaml",
		"rmdir /etc/kubernetes/manifests.aside",
		"systemctl restart kubelet",
	}, "\n"))
}

func TestJoinIPv6(t *testing.T) {
	o := objects(t, "v1beta4")
	to := rehost.Host{Name: "cp-1", Address: netip.MustParseAddr("fd00::7")}
	plan := planJoin(t, o, to, []rehost.Other{{Name: "cp-2", State: rehost.Intact, Address: netip.MustParseAddr("fd00::12")}}, nil)
	text := plan.String()
	for _, want := range []string{
		"--peer-urls=https://[fd00::12]:2380", "cp-1=https://[fd00::7]:2380,cp-2=https://[fd00::12]:2380",
		"'--endpoints=https://[::1]:2379'",
		`https://10\.0\.0\.11:6443$#https://[fd00::7]:6443#`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestJoinRefused(t *testing.T) {
	for _, tt := range []struct {
		name    string
		edit    func(*rehost.Objects)
		others  []rehost.Other
		members []rehost.Member
		says    string
	}{
		{"no configuration", func(o *rehost.Objects) { o.ConfigMaps = nil }, nil, nil, "kubeadm-config"},
		{"restored one", nil, []rehost.Other{{Name: "cp-new", State: rehost.Intact}}, nil, "is the restored one"},
		{"restored one's old name", nil, []rehost.Other{{Name: "cp-1", State: rehost.Gone}}, nil, "was restored as cp-new"},
		{"twice", nil, []rehost.Other{{Name: "w-1", State: rehost.Gone}, {Name: "w-1", State: rehost.Empty}}, nil, "twice"},
		{"no state", nil, []rehost.Other{{Name: "w-1"}}, nil, "state"},
		{"name", nil, []rehost.Other{{Name: "--config=/x", State: rehost.Intact}}, nil, "node name"},
		{"name in the snapshot", func(o *rehost.Objects) { o.Nodes[3].Name = "w;reboot" }, nil, nil, "node name"},
		{"no address", nil, []rehost.Other{{Name: "cp-9", State: rehost.Empty, ControlPlane: true}}, nil, "its address is not known"},
		{"bad address", nil, []rehost.Other{{Name: "cp-9", State: rehost.Empty, ControlPlane: true,
			Address: netip.MustParseAddr("::1")}}, nil, "its address is not known"},
		{"member", nil, nil, []rehost.Member{{ID: 1, Name: "a\nb"}}, "member name"},
		{"endpoint", func(o *rehost.Objects) {
			o.ConfigMaps[0].Data["ClusterConfiguration"] = strings.Replace(o.ConfigMaps[0].Data["ClusterConfiguration"],
				"Endpoint: 10.0.0.11:6443", "Endpoint: '--x:6443'", 1)
		}, nil, nil, "controlPlaneEndpoint"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := objects(t, "v1beta4")
			if tt.edit != nil {
				tt.edit(o)
			}
			_, err := rehost.Join(o, oldHost, newHost, tt.others, tt.members, now)
			if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want one line that says %q", err, tt.says)
			}
		})
	}
}

func TestPlanAsJSON(t *testing.T) {
	plan := planJoin(t, objects(t, "v1beta4"), newHost, nil, nil)
	text, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	var back rehost.Plan
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if back.String() != plan.String() || len(plan.Steps) == 0 {
		t.Errorf("it reads back as\n%v", &back)
	}
	for _, want := range []string{`"node":"cp-2"`, `"where":"cp-new"`, `"stage":"fence"`, `"command":["mkdir"`,
		`"prints":"\u003cmember-id\u003e"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

func TestShell(t *testing.T) {
	for want, command := range map[string][]string{
		"":                       nil,
		"a b=c":                  {"a", "b=c"},
		"'' 'a b' '$(x)'":        {"", "a b", "$(x)"},
		`'it'\''s' '#' '~' 'a*'`: {"it's", "#", "~", "a*"},
	} {
		if got := (rehost.Step{Command: command}).Shell(); got != want {
			t.Errorf("%q is shown as %s, want %s", command, got, want)
		}
	}
}
