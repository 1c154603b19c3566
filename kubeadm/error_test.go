package kubeadm_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// edit replaces text in a manifest of root and fails if it is not there.
func edit(t *testing.T, root fstest.MapFS, name, old, new string) {
	t.Helper()
	file := root[manifestDir+"/"+name]
	if !strings.Contains(string(file.Data), old) {
		t.Fatalf("%s does not contain %q", name, old)
	}
	file.Data = []byte(strings.Replace(string(file.Data), old, new, 1))
}

// withCommand replaces etcd's command and all its arguments.
func withCommand(t *testing.T, command string) fstest.MapFS {
	t.Helper()
	root := node(t, "v1.37")
	file := root[manifestDir+"/etcd.yaml"]
	before, rest, _ := strings.Cut(string(file.Data), "  - command:\n")
	_, after, _ := strings.Cut(rest, "    image:")
	file.Data = []byte(before + "  - command: " + command + "\n    image:" + after)
	return root
}

func TestReadErrors(t *testing.T) {
	edited := func(old, new string) func(*testing.T) fs.FS {
		return func(t *testing.T) fs.FS {
			root := node(t, "v1.37")
			edit(t, root, "etcd.yaml", old, new)
			return root
		}
	}
	command := func(command string) func(*testing.T) fs.FS {
		return func(t *testing.T) fs.FS { return withCommand(t, command) }
	}
	withFile := func(name, text string, mode fs.FileMode) func(*testing.T) fs.FS {
		return func(t *testing.T) fs.FS {
			root := node(t, "v1.37")
			root[name] = &fstest.MapFile{Data: []byte(text), Mode: mode}
			return root
		}
	}
	refusing := func(op, name string) func(*testing.T) fs.FS {
		return func(t *testing.T) fs.FS { return deny{node(t, "v1.37", healthcheckCert, healthcheckKey), op, name} }
	}
	const dataDir = "- --data-dir=/var/lib/etcd\n"
	for _, tt := range []struct {
		name string
		root func(*testing.T) fs.FS
		is   error
		says []string
	}{
		{"no directory", func(*testing.T) fs.FS { return fstest.MapFS{} }, fs.ErrNotExist,
			[]string{manifestDir, "not a control-plane node"}},
		{"directory is a file", func(*testing.T) fs.FS { return fstest.MapFS{manifestDir: {}} }, nil,
			[]string{manifestDir + " is not a directory"}},
		{"directory is out of reach", refusing("stat", manifestDir), fs.ErrPermission, []string{manifestDir, "run as root"}},
		{"directory is unreadable", refusing("readdir", manifestDir), fs.ErrPermission, []string{manifestDir, "run as root"}},
		{"manifest is out of reach", refusing("stat", manifestDir+"/etcd.yaml"), fs.ErrPermission,
			[]string{manifestDir + "/etcd.yaml", "run as root"}},
		{"manifest is unreadable", refusing("open", manifestDir+"/etcd.yaml"), fs.ErrPermission,
			[]string{manifestDir + "/etcd.yaml", "run as root"}},
		{"manifest is a dangling link", withFile(manifestDir+"/gone.yaml", "/nowhere", fs.ModeSymlink), fs.ErrNotExist,
			[]string{manifestDir + "/gone.yaml"}},
		{"no etcd", func(t *testing.T) fs.FS {
			root := node(t, "v1.37")
			delete(root, manifestDir+"/etcd.yaml")
			edit(t, root, "kube-apiserver.yaml", "    - --etcd-servers=https://127.0.0.1:2379\n", "")
			return root
		}, kubeadm.ErrNoEtcd, []string{"kube-apiserver.yaml", "--etcd-servers"}},
		{"etcd in a shell in a shell", func(t *testing.T) fs.FS {
			root := withCommand(t, `[sh, -c, "sh -c 'etcd --name=x --data-dir=/var/lib/etcd'"]`)
			edit(t, root, "etcd.yaml", "    name: etcd\n    ports", "    name: main\n    ports")
			return root
		}, kubeadm.ErrDynamicCommand, []string{"container main"}},
		{"password in a URL", func(t *testing.T) fs.FS {
			root := node(t, "v1.37")
			edit(t, root, "kube-apiserver.yaml", "--etcd-servers=https://127.0.0.1:2379", "--etcd-servers=https://u:hunter2@10.9.9.9:2379")
			return root
		}, nil, []string{"--etcd-servers", "xxxxx"}},
		{"a value that is no key", withFile(manifestDir+"/x.yaml", "a:\n  ~: hunter2\n", 0), nil, []string{manifestDir + "/x.yaml"}},
		{"a value that is no time", withFile(manifestDir+"/x.yaml", "kind: Pod\nmetadata: {creationTimestamp: hunter2}", 0), nil, []string{manifestDir + "/x.yaml"}},
		{"socket alone", func(t *testing.T) fs.FS {
			root := node(t, "v1.37")
			delete(root, manifestDir+"/etcd.yaml")
			edit(t, root, "kube-apiserver.yaml", "--etcd-servers=https://127.0.0.1:2379", "--etcd-servers= unix:///x")
			return root
		}, nil, []string{"/x", "no etcd"}},
		{"kine", func(t *testing.T) fs.FS {
			root := node(t, "v1.37")
			delete(root, manifestDir+"/etcd.yaml")
			edit(t, root, "kube-apiserver.yaml", "--etcd-servers=https://127.0.0.1:2379", "--etcd-servers=unix:///var/run/kine.sock")
			return root
		}, nil, []string{"kine.sock", "no etcd"}},
		{"two manifests of one pod", func(t *testing.T) fs.FS {
			root := node(t, "v1.37")
			root[manifestDir+"/kube-apiserver.yaml.orig"] = root[manifestDir+"/kube-apiserver.yaml"]
			return root
		}, kubeadm.ErrAmbiguous, []string{"kube-apiserver.yaml and", "kube-apiserver.yaml.orig"}},
		{"staticPodPath is relative", withFile("var/lib/kubelet/config.yaml", "staticPodPath: manifests", 0), nil, []string{"staticPodPath", "absolute"}},
		{"kubelet's configuration is damaged", withFile("var/lib/kubelet/config.yaml", "a: b: c", 0), nil, []string{"var/lib/kubelet/config.yaml"}},
		{"empty directory", func(*testing.T) fs.FS { return fstest.MapFS{manifestDir: {Mode: fs.ModeDir}} }, kubeadm.ErrNoEtcd,
			[]string{"0 manifests"}},
		{"two etcd pods", func(t *testing.T) fs.FS {
			root := node(t, "v1.37")
			root[manifestDir+"/etcd.yaml.bak"] = root[manifestDir+"/etcd.yaml"]
			return root
		}, kubeadm.ErrAmbiguous, []string{manifestDir + "/etcd.yaml ", manifestDir + "/etcd.yaml.bak"}},
		{"no pod", withFile(manifestDir+"/config.yaml", "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration", 0), nil,
			[]string{manifestDir + "/config.yaml", "ClusterConfiguration", "move it"}},
		{"no YAML", withFile(manifestDir+"/notes.txt", "a: b: c", 0), nil, []string{manifestDir + "/notes.txt", "not of the form"}},
		{"UTF-16", withFile(manifestDir+"/wide.yaml", "\xff\xfea\x00", 0), nil, []string{manifestDir + "/wide.yaml", "UTF-8"}},

		{"shell", command(`[/bin/sh, -c, "exec etcd --name $NAME"]`), kubeadm.ErrDynamicCommand, []string{"etcd.yaml", "container etcd"}},
		{"entrypoint of the image", command(`[]`), kubeadm.ErrDynamicCommand, []string{"etcd.yaml", "container etcd"}},
		{"etcd twice in a shell", command(`[/bin/sh, -c, "etcd --name x || etcd --name y"]`), kubeadm.ErrDynamicCommand, []string{"etcd.yaml", "2 places"}},
		{"script in a file", command(`[/bin/sh, /run/etcd]`), kubeadm.ErrDynamicCommand, []string{"etcd.yaml", "container etcd"}},
		{"shell in a container of another name", func(t *testing.T) fs.FS {
			root := withCommand(t, `[/bin/sh, -c, "exec /usr/local/bin/etcd --name $(hostname) >>/var/log/etcd.log"]`)
			edit(t, root, "etcd.yaml", "    name: etcd\n    ports", "    name: member\n    ports")
			return root
		}, kubeadm.ErrDynamicCommand, []string{"container member"}},
		{"config file", command(`[etcd, --config-file, /etc/etcd.conf]`), notOnHost("--config-file", "/etc/etcd.conf"), nil},
		{"config file is missing", command(`[etcd, --config-file, /var/lib/etcd/etcd.conf]`), fs.ErrNotExist, []string{"var/lib/etcd/etcd.conf"}},
		{"config file by variable", edited("    image:", "    env: [{name: ETCD_CONFIG_FILE, value: /etc/etcd.conf}]\n    image:"),
			notOnHost("ETCD_CONFIG_FILE", "/etc/etcd.conf"), nil},
		{"value from a variable", edited("--name=cp-1", "--name=$(NODE_NAME)"), kubeadm.ErrDynamicCommand, []string{"--name", "$(NODE_NAME)"}},
		{"variable from elsewhere", edited("    - --name=cp-1\n", "    env: [{name: ETCD_NAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]\n    args:\n"),
			kubeadm.ErrDynamicCommand, []string{"ETCD_NAME", "valueFrom"}},
		{"flag without value", edited("--name=cp-1", "--name"), nil, []string{"--name has no value"}},

		{"relative data directory", edited(dataDir, "- --data-dir=data\n"), notOnHost("--data-dir", "data"), nil},
		{"default data directory", edited(dataDir, "- --debug\n"), notOnHost("--data-dir", "cp-1.etcd"), nil},
		{"no mount", edited(dataDir, "- --data-dir=/var/lib/etcd2\n"), notOnHost("--data-dir", "/var/lib/etcd2"), nil},
		{"climbs out of its mount", edited(dataDir, "- --data-dir=/var/lib/etcd/../other\n"), notOnHost("--data-dir", "/var/lib/etcd/../other"), nil},
		{"repeated flag", edited("    image:", "    - --data-dir=/x\n    image:"), notOnHost("--data-dir", "/x"), nil},
		{"mount without volume", edited("      name: etcd-data\n", "      name: other\n"), notOnHost("--data-dir", "/var/lib/etcd"), nil},
		{"emptyDir", edited("  - hostPath:\n      path: /var/lib/etcd\n      type: DirectoryOrCreate", "  - emptyDir: {}"), notOnHost("--data-dir", "/var/lib/etcd"), nil},
		{"relative hostPath", edited("      path: /var/lib/etcd\n", "      path: var/lib/etcd\n"), notOnHost("--data-dir", "/var/lib/etcd"), nil},
		{"relative mountPath", func(t *testing.T) fs.FS {
			root := node(t, "v1.37")
			edit(t, root, "etcd.yaml", "--data-dir=/var", "--data-dir=var")
			edit(t, root, "etcd.yaml", "mountPath: /var", "mountPath: var")
			return root
		}, notOnHost("--data-dir", "var/lib/etcd"), nil},
		{"subPath climbs", edited("      name: etcd-data\n", "      name: etcd-data\n      subPath: a/../../b\n"), notOnHost("--data-dir", "/var/lib/etcd"), nil},
		{"subPathExpr", edited("      name: etcd-data\n", "      name: etcd-data\n      subPathExpr: $(POD)\n"), kubeadm.ErrDynamicCommand, []string{"--data-dir", "$(POD)"}},
		{"key on no volume", edited("--key-file=/etc/kubernetes", "--key-file=/opt"), notOnHost("--key-file", "/opt/pki/etcd/server.key"), nil},

		{"endpoint without port", edited("https://127.0.0.1:2379,", "https://127.0.0.1,"), nil, []string{"--listen-client-urls", "https://127.0.0.1 "}},
		{"endpoint with path", edited("https://127.0.0.1:2379,", "https://127.0.0.1:2379/x,"), nil, []string{"--listen-client-urls"}},
		{"endpoint of another kind", edited("https://127.0.0.1:2379,", "ftp://127.0.0.1:2379,"), nil, []string{"--listen-client-urls", "ftp:"}},
		{"unclosed bracket", edited("https://127.0.0.1:2379,", "https://[127.0.0.1:2379,"), nil, []string{"--listen-client-urls"}},
		{"peer URL", edited("peer-urls=https://10.0.0.11:2380\n    - --initial-cluster", "peer-urls=10.0.0.11\n    - --initial-cluster"), nil,
			[]string{"--initial-advertise-peer-urls"}},
		{"nothing to dial", func(t *testing.T) fs.FS {
			root := node(t, "v1.37")
			edit(t, root, "etcd.yaml", "https://127.0.0.1:2379,", "")
			edit(t, root, "etcd.yaml", "    - --advertise-client-urls=https://10.0.0.11:2379\n", "")
			return root
		}, nil, []string{"--listen-client-urls", "--advertise-client-urls"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := kubeadm.Read(tt.root(t), kubeadm.Options{})
			if err == nil {
				t.Fatalf("read %s, want an error", describe(got.Etcd))
			}
			wantPath, isPath := tt.is.(*kubeadm.PathNotOnHostError)
			var gotPath *kubeadm.PathNotOnHostError
			if isPath && (!errors.As(err, &gotPath) || *gotPath != *wantPath) {
				t.Errorf("%v, want %+v", err, wantPath)
			}
			if !isPath && tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v, want one that is %v", err, tt.is)
			}
			for _, word := range tt.says {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%v does not say %q", err, word)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v shows what stands there", err)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%v is not one line", err)
			}
		})
	}
}

func notOnHost(flag, path string) error {
	return &kubeadm.PathNotOnHostError{File: manifestDir + "/etcd.yaml", Container: "etcd", Flag: flag, Path: path}
}

// deny is a file system that refuses one operation on one file; tests run as
// root, whom modes do not stop.
type deny struct {
	fstest.MapFS
	op, name string
}

func (d deny) refusal(op, name string) error {
	if op != d.op || name != d.name {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrPermission}
}

func (d deny) Open(name string) (fs.File, error) {
	if err := d.refusal("open", name); err != nil {
		return nil, err
	}
	return d.MapFS.Open(name)
}

func (d deny) Stat(name string) (fs.FileInfo, error) {
	if err := d.refusal("stat", name); err != nil {
		return nil, err
	}
	return d.MapFS.Stat(name)
}

func (d deny) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := d.refusal("readdir", name); err != nil {
		return nil, err
	}
	return d.MapFS.ReadDir(name)
}
