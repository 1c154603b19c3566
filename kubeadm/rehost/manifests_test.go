package rehost_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/kubeadm/rehost"
)

var (
	oldHost = rehost.Host{Name: "cp-1", Address: netip.MustParseAddr("10.0.0.11")}
	newHost = rehost.Host{Name: "cp-new", Address: netip.MustParseAddr("10.0.9.7")}
)

// shape reads manifests that package kubeadm is tested with: those of v1.29, v1.31 and v1.37 are by the stock kubeadm.
func shape(t testing.TB, name string) (files []rehost.File) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "testdata", name, "*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("manifests of %s: %v, %v", name, paths, err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, rehost.File{Path: filepath.Base(path), Data: data})
	}
	return files
}

// withoutComments drops what kubeadm has not written.
func withoutComments(text []byte) string {
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func move(t testing.TB, files []rehost.File, from, to rehost.Host) *rehost.Moved {
	t.Helper()
	moved, err := rehost.Manifests(files, from, to)
	if err != nil {
		t.Fatal(err)
	}
	return moved
}

func hostOf(t testing.TB, files []rehost.File) rehost.Host {
	t.Helper()
	h, err := rehost.HostOf(files)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// The name and the address are nowhere but where kubeadm has written them, so that the text with others is what it would have
// written for the new host; the e2e package rehosts asks kubeadm itself.
func TestManifestsOfKubeadm(t *testing.T) {
	for _, name := range []string{"v1.29", "v1.31", "v1.37"} {
		t.Run(name, func(t *testing.T) {
			files := shape(t, name)
			from := hostOf(t, files)
			if from.Name != "cp-1" || from.Address != oldHost.Address || from.Others != nil || from.Port != 6443 {
				t.Fatalf("they are of %+v", from)
			}
			moved := move(t, files, from, newHost)
			if len(moved.Findings) > 0 {
				t.Errorf("findings: %v", moved.Findings)
			}
			if len(moved.Files) != len(files) {
				t.Fatalf("%d files of %d", len(moved.Files), len(files))
			}
			for i, f := range moved.Files {
				want := strings.NewReplacer("cp-1", "cp-new", "10.0.0.11", "10.0.9.7").Replace(withoutComments(files[i].Data))
				if f.Path != files[i].Path || string(f.Data) != want {
					t.Errorf("%s is\n%s\nwant %s\n%s", f.Path, f.Data, files[i].Path, want)
				}
			}
		})
	}
}

// back and forth is the identity, whatever was there.
func TestManifestsThereAndBack(t *testing.T) {
	for _, name := range []string{"v1.11", "v1.15", "v1.29", "v1.31", "v1.37", "ipv6", "kind", "minikube", "json"} {
		t.Run(name, func(t *testing.T) {
			files := shape(t, name)
			from, err := rehost.HostOf(files)
			if err != nil { // v1.11 is on loopback alone
				from = rehost.Host{Name: "master-0", Address: oldHost.Address}
			}
			to := newHost
			if from.Address.Is6() {
				to.Address = netip.MustParseAddr("fd00::99")
			}
			there := move(t, files, from, to)
			paths := 0
			if name == "minikube" { // whose node has the name of its directories
				paths = 11
			}
			if len(there.Changes) == 0 || len(there.Findings) != paths {
				t.Errorf("changes %v, findings %v", there.Changes, there.Findings)
			}
			if found := rehost.Mentions(there.Files, from); len(found) != paths {
				t.Errorf("still mentioned: %v", found)
			}
			back := move(t, there.Files, to, from)
			for i, f := range back.Files {
				var got, want corev1.Pod
				if err := yaml.Unmarshal(f.Data, &got); err != nil {
					t.Fatal(err)
				}
				if err := yaml.Unmarshal(files[i].Data, &want); err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s became\n%s", f.Path, f.Data)
				}
			}
		})
	}
}

// etcdManifest is a static pod with one container.
func pod(container string) []rehost.File {
	return []rehost.File{{Path: "pod.yaml", Data: []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: " +
		"kube-system}\n" +
		"spec:\n  hostNetwork: true\n  containers:\n  - name: c\n" + indent(container))}}
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimPrefix(text, "\n")) {
		b.WriteString("    " + line)
	}
	return b.String() + "\n"
}

func TestManifestsByHand(t *testing.T) {
	from := rehost.Host{Name: "cp-1", Address: netip.MustParseAddr("10.0.0.11"),
		Others: []netip.Addr{netip.MustParseAddr("fd00::11")}}
	to := rehost.Host{Name: "cp-new", Address: netip.MustParseAddr("10.0.9.7"),
		Others: []netip.Addr{netip.MustParseAddr("fd00::7")}}
	for _, tt := range []struct {
		name, container string
		has             []string // lines of the result
		findings        []string // pieces, one for each
	}{
		{"flags in two words", "command: [etcd, --name, cp-1, -advertise-client-urls, 'https://10.0.0.11:2379']",
			[]string{"- cp-new", "- https://10.0.9.7:2379"}, nil},
		{"arguments", "command: [/usr/local/bin/etcd]\nargs: [--name=cp-1]", []string{"- --name=cp-new"}, nil},
		{"variables", "command: [etcd]\nenv: [{name: ETCD_NAME, value: cp-1}, {name: ETCD_LISTEN_PEER_URLS, value: " +
			"'https://[fd00:0::11]:2380'}]",
			[]string{"value: cp-new", "value: https://[fd00::7]:2380"}, nil},
		{"script", "command: [/bin/sh, -ec, 'exec etcd --name cp-1 --listen-peer-urls=\"https://10.0.0.11:2380\" " +
			"--data-dir=/var/lib/etcd']",
			[]string{`- exec etcd --name cp-new --listen-peer-urls="https://10.0.9.7:2380" --data-dir=/var/lib/etcd`}, nil},
		{"script with a word that is no flag", "command: [/bin/sh, -c, 'echo x--name=cp-1; exec etcd --name=cp-1']",
			[]string{"- echo x--name=cp-1; exec etcd --name=cp-new"}, []string{"spec.containers[c].command[2]: cp-1 is mentioned"}},
		{"script with a variable", "command: [/bin/sh, -c, 'N=cp-1; exec etcd --name=$N']",
			[]string{"- N=cp-1; exec etcd --name=$N"}, []string{"spec.containers[c].command[2]: cp-1 is mentioned"}},
		{"all members", "command: [etcd, --name=cp-1, " +
			"'--initial-cluster=cp-0=https://10.0.0.10:2380,cp-1=https://10.0.0.11:2380,cp-10=https://10.0.0.110:2380']",
			[]string{"- --initial-cluster=cp-new=https://10.0.9.7:2380"}, nil},
		{"a member with two URLs", "command: [etcd, --name=cp-1, " +
			"'--initial-cluster=cp-1=https://10.0.0.11:2380,cp-1=https://[fd00::11]:2380']",
			[]string{"- --initial-cluster=cp-new=https://10.0.9.7:2380,cp-new=https://[fd00::7]:2380"}, nil},
		{"by name", "command: [etcd, --name=cp-1, '--listen-client-urls=https://localhost:2379,https://CP-1:2379']",
			[]string{"- --listen-client-urls=https://localhost:2379,https://cp-new:2379"}, nil},
		{"with its domain", "command: [etcd, '--advertise-client-urls=https://cp-1.example.org:2379']",
			nil, []string{"command[1] --advertise-client-urls: cp-1 is mentioned"}},
		{"another's name begins so", "command: [etcd, --name=cp-10, " +
			"'--listen-client-urls=https://10.0.0.110:2379,https://110.0.0.11:2379']", nil, nil},
		{"configuration file", "command: [etcd, --config-file=/etc/etcd.conf]", nil, []string{"--config-file: etcd takes all"}},
		{"both families", "command: [kube-apiserver, '--advertise-address=10.0.0.11', '--bind-address=fd00::11']",
			[]string{"- --advertise-address=10.0.9.7", "- --bind-address=fd00::7"}, nil},
		{"underscores", "command: [kube-apiserver, '--advertise_address=10.0.0.11']", []string{"- --advertise_address=10.0.9.7"},
			nil},
		{"issuer", "command: [kube-apiserver, '--service-account-issuer=https://10.0.0.11:6443']",
			[]string{"- --service-account-issuer=https://10.0.0.11:6443"}, []string{"--service-account-issuer: 10.0.0.11 is mentioned"}},
		{"members elsewhere", "command: [kube-apiserver, '--etcd-servers=https://10.0.0.11:2379,https://10.0.0.12:2379']",
			[]string{"- --etcd-servers=https://10.0.9.7:2379,https://10.0.0.12:2379"}, []string{"the member at 10.0.0.12 is none"}},
		{"external etcd", "command: [kube-apiserver, '--etcd-servers=https://10.0.5.1:2379,https://10.0.5.2:2379']", nil, nil},
		{"overrides", "command: [kube-apiserver, '--etcd-servers-overrides=/events#https://10.0.0.11:4002;https://10.0.0.12:4002']",
			[]string{"- --etcd-servers-overrides=/events#https://10.0.9.7:4002;https://10.0.0.12:4002"}, nil},
		{"master", "command: [kube-scheduler, '--master=https://10.0.0.11:6443', '--bind-address=10.0.0.11']",
			[]string{"- --master=https://10.0.9.7:6443", "- --bind-address=10.0.9.7"}, nil},
		{"probes", "command: [kube-apiserver]\nlivenessProbe: {httpGet: {host: 10.0.0.11, path: /livez, port: 6443}}\n" +
			"readinessProbe: {tcpSocket: {host: 10.0.0.11, port: 6443}}\nports: [{hostIP: 10.0.0.11, containerPort: 6443}]",
			[]string{"host: 10.0.9.7", "hostIP: 10.0.9.7"}, nil},
		{"a sidecar", "command: [proxy, --to=10.0.0.11:6443]\nenv: [{name: NODE, value: cp-1}]",
			[]string{"- --to=10.0.0.11:6443", "value: cp-1"}, []string{"command[1] --to: 10.0.0.11", "env[NODE].value: cp-1"}},
		{"IPv6 in another form", "command: [proxy, '--to=[FD00:0:0::0011]:6443']", nil, []string{"--to: fd00::11"}},
		{"IPv4 in IPv6", "command: [kube-apiserver, '--bind-address=::ffff:10.0.0.11']", []string{"- --bind-address=10.0.9.7"}, nil},
		{"numbers", "command: [proxy]\nlivenessProbe: {failureThreshold: 2147483647, periodSeconds: 2000001000}",
			[]string{"failureThreshold: 2147483647", "periodSeconds: 2000001000"}, nil},
		{"what is new in a Pod", "command: [proxy]\nnovelty: {a: [1, x, null]}", []string{"novelty:"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			moved := move(t, pod(tt.container), from, to)
			text := string(moved.Files[0].Data)
			for _, line := range tt.has {
				if !strings.Contains(text, " "+line+"\n") {
					t.Errorf("no line %q in\n%s", line, text)
				}
			}
			if len(moved.Findings) != len(tt.findings) {
				t.Errorf("findings %v, want %d", moved.Findings, len(tt.findings))
			}
			for i, piece := range tt.findings {
				if i < len(moved.Findings) && !strings.Contains(moved.Findings[i].String(), piece) {
					t.Errorf("finding %v, want it to say %q", moved.Findings[i], piece)
				}
			}
		})
	}
}

func TestManifestsTellChanges(t *testing.T) {
	moved := move(t, shape(t, "v1.37"), oldHost, newHost)
	var got []string
	for _, c := range moved.Changes {
		got = append(got, c.String())
	}
	want := []string{
		"etcd.yaml: metadata.annotations[kubeadm.kubernetes.io/etcd.advertise-client-urls]: https://10.0.0.11:2379 -> " +
			"https://10.0.9.7:2379",
		"etcd.yaml: spec.containers[etcd] --advertise-client-urls: https://10.0.0.11:2379 -> https://10.0.9.7:2379",
		"etcd.yaml: spec.containers[etcd] --initial-advertise-peer-urls: https://10.0.0.11:2380 -> https://10.0.9.7:2380",
		"etcd.yaml: spec.containers[etcd] --initial-cluster: cp-1=https://10.0.0.11:2380 -> cp-new=https://10.0.9.7:2380",
		"etcd.yaml: spec.containers[etcd] --listen-client-urls: https://127.0.0.1:2379,https://10.0.0.11:2379 -> " +
			"https://127.0.0.1:2379,https://10.0.9.7:2379",
		"etcd.yaml: spec.containers[etcd] --listen-peer-urls: https://10.0.0.11:2380 -> https://10.0.9.7:2380",
		"etcd.yaml: spec.containers[etcd] --name: cp-1 -> cp-new",
		"kube-apiserver.yaml: metadata.annotations[kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint]: " +
			"10.0.0.11:6443 -> 10.0.9.7:6443",
		"kube-apiserver.yaml: spec.containers[kube-apiserver] --advertise-address: 10.0.0.11 -> 10.0.9.7",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("changes\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// From one family of IP to the other.
func TestManifestsOtherFamily(t *testing.T) {
	to := rehost.Host{Name: "cp-new", Address: netip.MustParseAddr("fd00::7")}
	moved := move(t, shape(t, "v1.37"), oldHost, to)
	etcd, api := string(moved.Files[0].Data), string(moved.Files[1].Data)
	for _, line := range []string{
		"--listen-client-urls=https://[::1]:2379,https://[fd00::7]:2379", "--listen-metrics-urls=http://[::1]:2381",
		"--initial-cluster=cp-new=https://[fd00::7]:2380", "host: ::1",
		"etcd.advertise-client-urls: https://[fd00::7]:2379",
	} {
		if !strings.Contains(etcd, line) {
			t.Errorf("no %q in\n%s", line, etcd)
		}
	}
	for _, line := range []string{"--etcd-servers=https://[::1]:2379", "--advertise-address=fd00::7",
		"advertise-address.endpoint: '[fd00::7]:6443'"} {
		if !strings.Contains(api, line) {
			t.Errorf("no %q in\n%s", line, api)
		}
	}
	if len(moved.Findings) != 1 || moved.Findings[0].Field != "spec.containers[kube-apiserver] --service-cluster-ip-range" {
		t.Errorf("findings %v, want that the Services are of the other family", moved.Findings)
	}
}

func TestManifestsSecretsStayHidden(t *testing.T) {
	moved := move(t, pod("command: [etcd, '--advertise-client-urls=https://u:hunter2@10.0.0.12:2379,https://10.0.0.11:2379']\n"+
		"env: [{name: DSN, value: 'x://u:hunter2@10.0.0.11/'}]"), oldHost, newHost)
	if len(moved.Changes) != 1 || len(moved.Findings) != 1 {
		t.Fatalf("%v, %v", moved.Changes, moved.Findings)
	}
	if text := moved.Changes[0].String() + moved.Changes[0].Old + moved.Changes[0].New +
		moved.Findings[0].String(); strings.Contains(text, "hunter2") {
		t.Errorf("%s shows a password", text)
	}
	if !strings.Contains(string(moved.Files[0].Data), "https://u:hunter2@10.0.0.12:2379,https://10.0.9.7:2379") {
		t.Errorf("the file is\n%s", moved.Files[0].Data)
	}
}

func TestManifestsRefused(t *testing.T) {
	good := shape(t, "v1.37")
	many := make([]rehost.File, 257)
	for i := range many {
		many[i] = good[0]
	}
	for _, tt := range []struct {
		name     string
		files    []rehost.File
		from, to rehost.Host
		says     string
	}{
		{"no pod", []rehost.File{{Path: "x", Data: []byte("apiVersion: v1\nkind: ConfigMap")}}, oldHost, newHost, "x is no v1 Pod"},
		{"no YAML", []rehost.File{{Path: "x", Data: []byte("hunter2: b: c")}}, oldHost, newHost,
			"parse x: it is not of the form that is expected there"},
		{"a list", []rehost.File{{Path: "x", Data: []byte("[]")}}, oldHost, newHost, "parse x"},
		{"empty", []rehost.File{{Path: "x"}}, oldHost, newHost, "x is no v1 Pod"},
		{"large", []rehost.File{{Path: "x", Data: make([]byte, 1<<20+1)}}, oldHost, newHost, "x is larger"},
		{"many", many, oldHost, newHost, "257 manifests"},
		{"UTF-16", []rehost.File{{Path: "x", Data: []byte("\xff\xfea\x00")}}, oldHost, newHost, "UTF-8"},
		{"new name", good, oldHost, rehost.Host{Name: "$(reboot)", Address: newHost.Address}, "the new host: node name"},
		{"no new name", good, oldHost, rehost.Host{Address: newHost.Address}, "the new host: node name"},
		{"no new address", good, oldHost, rehost.Host{Name: "cp-new"}, "the new host: address"},
		{"loopback", good, oldHost, rehost.Host{Name: "cp-new", Address: netip.MustParseAddr("127.0.0.1")}, "the new host: address"},
		{"zone", good, oldHost, rehost.Host{Name: "cp-new", Address: netip.MustParseAddr("fe80::1%eth0")}, "the new host: address"},
		{"old name", good, rehost.Host{Name: "CP_1", Address: oldHost.Address}, newHost, "the old host: node name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := rehost.Manifests(tt.files, tt.from, tt.to)
			if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "hunter2") ||
				strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want one line that says %q", err, tt.says)
			}
		})
	}
}

func TestHostOf(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files []rehost.File
		want  rehost.Host
	}{
		{"etcd alone", shape(t, "kind"), rehost.Host{Name: "kind-control-plane", Address: netip.MustParseAddr("172.18.0.2")}},
		{"IPv6", shape(t, "ipv6"), rehost.Host{Name: "cp-1", Address: netip.MustParseAddr("fd00::11")}},
		{"two networks", shape(t, "moved"), rehost.Host{Name: "cp-3", Address: netip.MustParseAddr("10.0.0.13"),
			Others: []netip.Addr{netip.MustParseAddr("10.1.0.13")}}},
		{"flags beside a sidecar and by variables", shape(t, "sidecar"), rehost.Host{Name: "cp-2",
			Address: netip.MustParseAddr("10.0.0.12")}},
		{"etcd elsewhere", pod("command: [kube-apiserver, --advertise-address=10.0.0.11, --secure-port=443]"),
			rehost.Host{Address: oldHost.Address, Port: 443}},
		{"peers on a network of their own", append(pod("command: [kube-apiserver, --advertise-address=10.0.0.11]"),
			pod("command: [etcd, --name=cp-1, '--initial-advertise-peer-urls=https://10.9.0.11:2380']")...),
			rehost.Host{Name: "cp-1", Address: oldHost.Address, Others: []netip.Addr{netip.MustParseAddr("10.9.0.11")}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := rehost.HostOf(tt.files)
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
	for name, files := range map[string][]rehost.File{
		"loopback alone": shape(t, "v1.11"), "none": nil, "bad address": pod("command: [kube-apiserver, --advertise-address=x]"),
		"bad port": pod("command: [kube-apiserver, --advertise-address=10.0.0.11, --secure-port=x]"),
		"bad name": pod("command: [etcd, --name=A_B, '--listen-peer-urls=https://10.0.0.11:2380']"),
	} {
		if got, err := rehost.HostOf(files); err == nil {
			t.Errorf("%s: %+v, want an error", name, got)
		}
	}
}

func TestMentions(t *testing.T) {
	files := []rehost.File{{Path: "haproxy.cfg", Data: []byte("backend api\n  server cp-1 10.0.0.11:6443\n  server cp-10 " +
		"10.0.0.110:6443\n  server x [FD00::0:11]:6443\n")}}
	of := oldHost
	of.Others = []netip.Addr{netip.MustParseAddr("fd00::11")}
	var got []string
	for _, f := range rehost.Mentions(files, of) {
		got = append(got, f.File+" "+f.Field+" "+strings.Fields(f.Text)[0])
	}
	if want := "haproxy.cfg line 2 cp-1, haproxy.cfg line 2 10.0.0.11, haproxy.cfg line 4 fd00::11"; strings.Join(got,
		", ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}
