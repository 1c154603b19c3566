package pkibundle_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/clustersnap/clustersnap/pkibundle"
)

// apiserver reads the file of a flag through one mount, in which the node's directory has another name.
func apiserver(flag, file string) []pkibundle.Program {
	return []pkibundle.Program{{
		Name:   "kube-apiserver",
		Files:  []pkibundle.Reference{{Flag: flag, Path: file}},
		Mounts: []pkibundle.Mount{{Path: "/conf", OnNode: "/etc/api"}, {Path: "/conf/deep", OnNode: "/srv/deep"}},
	}}
}

func omissions(b *pkibundle.Bundle) string {
	var lines []string
	for _, o := range b.Omitted {
		lines = append(lines, fmt.Sprintf("%s < %s: %s, harmless %v", o.Path, o.From, o.Why, o.Harmless))
	}
	return strings.Join(lines, "\n")
}

func kubeconfig(user string) *fstest.MapFile {
	return file("apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: https://a, certificate-authority: ca.pem}}]\nusers: [{name: u, user: {" + user + "}}]\n")
}

func TestCollectFollowsWhatFilesName(t *testing.T) {
	tests := map[string]struct {
		programs []pkibundle.Program
		node     fstest.MapFS
		want     string // paths
		omitted  string
	}{
		"admission, webhook, kubeconfig, certificate": {
			apiserver("--admission-control-config-file", "/etc/api/admission.yaml"),
			fstest.MapFS{
				"etc/api/admission.yaml": file("kind: AdmissionConfiguration\nplugins:\n- name: ImagePolicyWebhook\n  path: /conf/images.yaml\n"),
				"etc/api/images.yaml":    file("imagePolicy:\n  kubeConfigFile: /conf/deep/hook.conf\n"),
				"srv/deep/hook.conf":     kubeconfig("client-certificate: /conf/hook.pem, client-key: /conf/hook.key"),
				"srv/deep/ca.pem":        file("ca"),
				"etc/api/hook.pem":       file("cert"),
				"etc/api/hook.key":       file("key"),
			},
			"etc/api/admission.yaml etc/api/hook.key etc/api/hook.pem etc/api/images.yaml srv/deep/ca.pem srv/deep/hook.conf", "",
		},
		"authorization": {
			apiserver("--authorization-config", "/etc/api/authz.json"),
			fstest.MapFS{
				"etc/api/authz.json": file(`{"kind":"AuthorizationConfiguration","authorizers":[{"type":"Webhook","webhook":{"connectionInfo":{"type":"KubeConfigFile","kubeConfigFile":"/conf/hook.conf"}}}]}`),
				"etc/api/hook.conf":  file("kind: Config\nusers: [{name: u, user: {tokenFile: /conf/token}}]"),
				"etc/api/token":      file("token"),
			},
			"etc/api/authz.json etc/api/hook.conf etc/api/token", "",
		},
		"egress": {
			apiserver("--egress-selector-config-file", "/etc/api/egress.yaml"),
			fstest.MapFS{
				"etc/api/egress.yaml": file("kind: EgressSelectorConfiguration\negressSelections: [{connection: {transport: {tcp: {tlsConfig: {caBundle: /conf/a, clientKey: /conf/b, clientCert: /conf/c}}}}}]"),
				"etc/api/a":           file("a"), "etc/api/b": file("b"), "etc/api/c": file("c"),
			},
			"etc/api/a etc/api/b etc/api/c etc/api/egress.yaml", "",
		},
		"scheduler, second document": {
			apiserver("--config", "/etc/api/scheduler.yaml"),
			fstest.MapFS{
				"etc/api/scheduler.yaml": file("# nothing\n---\nkind: KubeSchedulerConfiguration\nclientConnection: {kubeconfig: /conf/s.conf}\n"),
				"etc/api/s.conf":         file("kind: Config\n"),
			},
			"etc/api/s.conf etc/api/scheduler.yaml", "",
		},
		"on no volume": {
			apiserver("--config", "/etc/api/s.yaml"),
			fstest.MapFS{"etc/api/s.yaml": file("kind: KubeSchedulerConfiguration\nclientConnection: {kubeconfig: /outside/s.conf}\n"), "outside/s.conf": file("s")},
			"etc/api/s.yaml", "/outside/s.conf < etc/api/s.yaml kubeconfig: no hostPath volume of kube-apiserver covers it, harmless false",
		},
		"not there": {
			apiserver("--config", "/etc/api/s.yaml"),
			fstest.MapFS{"etc/api/s.yaml": file("kind: KubeSchedulerConfiguration\nclientConnection: {kubeconfig: /conf/s.conf}\n")},
			"etc/api/s.yaml", "etc/api/s.conf < etc/api/s.yaml kubeconfig: the node has no such file, harmless false",
		},
		"flag to nothing": {
			apiserver("--oidc-ca-file", "/etc/api/oidc.pem"), fstest.MapFS{"etc/api/x": file("x")},
			"etc/api/x", "etc/api/oidc.pem < kube-apiserver --oidc-ca-file: the node has no such file, harmless false",
		},
		"a key for a path": {
			apiserver("--config", "/etc/api/hook.conf"),
			fstest.MapFS{"etc/api/hook.conf": file("kind: Config\nusers: [{name: u, user: {client-key: LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t}}]")},
			"etc/api/hook.conf", " < etc/api/hook.conf client-key: what stands there is no path, harmless false",
		},
		"a piece of a key for a path": {
			apiserver("--config", "/etc/api/hook.conf"),
			fstest.MapFS{"etc/api/hook.conf": file(`{"kind": "Config", "users": [{"name": "u", "user": {"client-key": "/2yqq\n7yFX"}}]}`)},
			"etc/api/hook.conf", " < etc/api/hook.conf client-key: what stands there is no path, harmless false",
		},
		"public CAs": {
			apiserver("--oidc-ca-file", "/etc/ssl/certs/ca-certificates.crt"),
			fstest.MapFS{"etc/api/x": file("x"), "etc/ssl/certs/ca-certificates.crt": file("many")},
			"etc/api/x", "etc/ssl/certs/ca-certificates.crt < kube-apiserver --oidc-ca-file: the distribution brings its public CAs, harmless true",
		},
		"link to public CAs": {
			nil, fstest.MapFS{"etc/api/x": file("x"), "etc/api/l": link("/etc/ssl/certs/a.pem"), "etc/ssl/certs/a.pem": file("many")},
			"etc/api/x", "etc/api/l < its place: it is a link to etc/ssl/certs/a.pem, which is not collected, harmless true\n" +
				"etc/ssl/certs/a.pem < its place: the distribution brings its public CAs, harmless true",
		},
		"link to a directory of public CAs": {
			apiserver("--oidc-ca-file", "/etc/certs/certs/ca-bundle.crt"),
			fstest.MapFS{"etc/api/x": file("x"), "etc/certs": link("ssl"), "etc/ssl/certs/ca-bundle.crt": file("many")},
			"etc/api/x", "etc/certs < its place: it is a link to etc/ssl, which is not collected, harmless false\n" +
				"etc/certs/certs/ca-bundle.crt < kube-apiserver --oidc-ca-file: the distribution brings its public CAs, harmless true",
		},
		"links through public CAs": { // as Fedora has them
			apiserver("--oidc-ca-file", "/etc/pki/tls/cert.pem"),
			fstest.MapFS{
				"etc/api/x": file("x"), "etc/pki/tls/cert.pem": link("certs/ca-bundle.crt"),
				"etc/pki/tls/certs/ca-bundle.crt": link("/etc/pki/ca-trust/extracted/tls-ca-bundle.pem"), "etc/pki/ca-trust/extracted/tls-ca-bundle.pem": file("many"),
			},
			"etc/api/x", "etc/pki/tls/cert.pem < its place: it is a link to etc/pki/ca-trust/extracted/tls-ca-bundle.pem, which is not collected, harmless true\n" +
				"etc/pki/tls/cert.pem < kube-apiserver --oidc-ca-file: the distribution brings its public CAs, harmless true\n" +
				"etc/pki/tls/certs/ca-bundle.crt < its place: it is a link to etc/pki/ca-trust/extracted/tls-ca-bundle.pem, which is not collected, harmless true",
		},
		"an operator's CA among the public ones": {
			apiserver("--oidc-ca-file", "/etc/ssl/certs/corp.pem"),
			fstest.MapFS{"etc/api/x": file("x"), "etc/ssl/certs/corp.pem": file("corp"), "etc/ssl/certs/other.pem": file("other")},
			"etc/api/x etc/ssl/certs/corp.pem", "",
		},
		"relative to the file in the container": {
			[]pkibundle.Program{{
				Name: "kube-apiserver", Files: []pkibundle.Reference{{Flag: "--config", Path: "/etc/api/hook.conf"}},
				Mounts: []pkibundle.Mount{{Path: "/conf/hook.conf", OnNode: "/etc/api/hook.conf"}, {Path: "/conf/ca.pem", OnNode: "/srv/deep/ca.pem"}, {Path: "/conf/scratch"}},
			}},
			fstest.MapFS{
				"etc/api/hook.conf": kubeconfig("client-key: gone.key, client-certificate: scratch/a.pem"), "srv/deep/ca.pem": file("ca"), "etc/api/ca.pem": file("other"),
			},
			"etc/api/hook.conf srv/deep/ca.pem",
			" < etc/api/hook.conf client-certificate: no hostPath volume of kube-apiserver covers it, harmless false\n" +
				" < etc/api/hook.conf client-key: no hostPath volume of kube-apiserver covers it, harmless false",
		},
		"a token for a path": {
			nil, fstest.MapFS{"etc/api/hook.conf": file("kind: Config\nusers: [{name: u, user: {tokenFile: abcdef.0123456789abcdef}}]")},
			"etc/api/hook.conf", " < etc/api/hook.conf tokenFile: the node has no such file, harmless false",
		},
		"inline configuration of a plugin": {
			apiserver("--admission-control-config-file", "/etc/api/a.yaml"),
			fstest.MapFS{"etc/api/a.yaml": file("kind: AdmissionConfiguration\nplugins: [{name: X, configuration: {path: /nowhere}}]")},
			"etc/api/a.yaml", "",
		},
		"dangling link of a flag": {
			apiserver("--oidc-ca-file", "/etc/certs"),
			fstest.MapFS{"etc/api/x": file("x"), "etc/certs": link("gone")},
			"etc/api/x", "etc/certs < its place: it is a link to etc/gone, which is not collected, harmless false\n" +
				"etc/certs < kube-apiserver --oidc-ca-file: the node has no such file, harmless false",
		},
		"link to an empty directory": {
			nil, fstest.MapFS{"etc/api/x": file("x"), "etc/api/l": link("e"), "etc/api/e": {Mode: fs.ModeDir}},
			"etc/api/x", "etc/api/l < its place: it is a link to etc/api/e, which is not collected, harmless false",
		},
		"etcd's data": {
			nil, fstest.MapFS{"etc/api/x": file("x"), "etc/api/etcd/member/snap/db": file("data")},
			"etc/api/x", "etc/api/etcd < its place: it is the data of etcd, which a snapshot holds, harmless true",
		},
		"kubeadm's copies": {
			nil, fstest.MapFS{"etc/api/x": file("x"), "etc/kubernetes/tmp/a": file("a")},
			"etc/api/x", "etc/kubernetes/tmp < its place: kubeadm keeps scratch copies there, harmless true",
		},
		"the kubelet, which sees all": {
			nil, fstest.MapFS{
				"etc/api/kubelet.yaml": file("kind: KubeletConfiguration\nauthentication: {x509: {clientCAFile: /srv/ca.crt}}\ntlsCertFile: /srv/tls.crt\ntlsPrivateKeyFile: /srv/tls.key\n"),
				"srv/ca.crt":           file("a"), "srv/tls.crt": file("b"), "srv/tls.key": file("c"),
			},
			"etc/api/kubelet.yaml srv/ca.crt srv/tls.crt srv/tls.key", "",
		},
		"files that name each other": {
			nil, fstest.MapFS{
				"etc/api/a": file("kind: A\nkubeconfig: /srv/b"), "srv/b": file("kind: B\nkubeconfig: /etc/api/a"),
			},
			"etc/api/a srv/b", "",
		},
		"no names": {
			nil, fstest.MapFS{
				"etc/api/a": file("path: /srv/b"), "etc/api/b": file("kind: Pod\npath: /srv/b"), "etc/api/c": file("\x00kind: {"),
				"etc/api/d": file("-----BEGIN kind\nkubeconfig: /srv/b"), "etc/api/e": file("kind: [a]\nkubeconfig: [/srv/b]"),
			},
			"etc/api/a etc/api/b etc/api/c etc/api/d etc/api/e", "",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			roots := []string{}
			for _, dir := range []string{"etc/api", "etc/kubernetes"} {
				if _, err := fs.Stat(test.node, dir); err == nil && (test.programs == nil || strings.HasPrefix(test.want, "etc/api/x")) {
					roots = append(roots, dir)
				}
			}
			b, err := pkibundle.Collect(test.node, roots, test.programs)
			if err != nil {
				t.Fatal(err)
			}
			var paths []string
			for _, f := range b.Files {
				paths = append(paths, f.Path)
			}
			if got := strings.Join(paths, " "); got != test.want {
				t.Errorf("collected\n%s\nwant\n%s", got, test.want)
			}
			if got := omissions(b); got != test.omitted {
				t.Errorf("omitted\n%s\nwant\n%s", got, test.omitted)
			}
		})
	}
}

// Package kubeadm lists what flags name among the files of the node, whether it is there or not.
func TestCollectTakesMissingFileOfFlagForMissing(t *testing.T) {
	node := fstest.MapFS{"etc/api/x": file("x")}
	b, err := pkibundle.Collect(node, []string{"etc/api/x", "etc/api/oidc.pem"}, apiserver("--oidc-ca-file", "/etc/api/oidc.pem"))
	if err != nil || len(b.Files) != 1 || len(b.Omitted) != 1 || b.Omitted[0].Path != "etc/api/oidc.pem" {
		t.Errorf("%v, %v", b, err)
	}
}

// A file that only another one names is no less a reason to stop when it cannot be read.
func TestCollectRefusesWhatIsNamedAndUnreadable(t *testing.T) {
	node := deniedFS{fstest.MapFS{"etc/a": file("kind: A\nkubeconfig: /srv/b"), "srv/b": file("b")}, "open", "srv/b"}
	_, err := pkibundle.Collect(node, []string{"etc"}, nil)
	if err == nil || err.Error() != "collect srv/b: open srv/b: permission denied: run as root" {
		t.Errorf("error %v", err)
	}
}
