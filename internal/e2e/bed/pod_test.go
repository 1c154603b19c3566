package bed

import "testing"

func TestPathsOfContainer(t *testing.T) {
	p := &pod{mounts: map[string]string{"/var/lib/etcd": "/ssd/etcd", "/etc/kubernetes": "/k", "/etc/kubernetes/pki": "/pki"}}
	for arg, want := range map[string]string{
		"--data-dir=/var/lib/etcd":                    "--data-dir=/tree/ssd/etcd",
		"--data-dir=/var/lib/etcd/":                   "--data-dir=/tree/ssd/etcd",
		"--wal-dir=/var/lib/etcd/wal":                 "--wal-dir=/tree/ssd/etcd/wal",
		"--wal-dir=/var/lib/etcd-wal":                 "--wal-dir=/var/lib/etcd-wal",
		"--cert-file=/etc/kubernetes/pki/a.crt":       "--cert-file=/tree/pki/a.crt",
		"--kubeconfig=/etc/kubernetes/x.conf":         "--kubeconfig=/tree/k/x.conf",
		"--files=/etc/kubernetes/a,/var/lib/etcd/b":   "--files=/tree/k/a,/tree/ssd/etcd/b",
		"--sni=/etc/kubernetes/a:b":                   "--sni=/tree/k/a:b",
		"/var/lib/etcd/x":                             "/tree/ssd/etcd/x",
		"--etcd-prefix=/registry":                     "--etcd-prefix=/registry",
		"--servers=https://127.0.0.1:2379/etc":        "--servers=https://127.0.0.1:2379/etc",
		"--name=cp1":                                  "--name=cp1",
		"--client-cert-auth":                          "--client-cert-auth",
		"--initial-cluster=cp1=https://10.77.0.11:1/": "--initial-cluster=cp1=https://10.77.0.11:1/",
	} {
		p.args = []string{arg}
		if got := p.command("/tree")[0]; got != want {
			t.Errorf("%s becomes %s, want %s", arg, got, want)
		}
	}
}
