package kubeadm

// k3s and rke2 run etcd with a configuration file in its data directory (k3s-io/k3s, pkg/etcd and pkg/daemons/executor): k3s within its
// own process, rke2 in a static pod.

const (
	k3sServer  = "var/lib/rancher/k3s/server/"
	rke2Server = "var/lib/rancher/rke2/server/"
)

var k3s = &distribution{
	name:        "k3s",
	marks:       []string{k3sServer + "db/etcd/config"},
	configFile:  k3sServer + "db/etcd/config",
	credentials: k3sCredentials(k3sServer),
	files:       []string{k3sServer + "tls", k3sServer + "cred", k3sServer + "token", "etc/rancher/k3s"},
}

var rke2 = &distribution{
	name:        "rke2",
	marks:       []string{rke2Server + "db/etcd/config"},
	manifestDir: "var/lib/rancher/rke2/agent/pod-manifests",
	configFile:  rke2Server + "db/etcd/config", // while its pod is not there
	credentials: k3sCredentials(rke2Server),
	files:       []string{rke2Server + "tls", rke2Server + "cred", rke2Server + "token", "etc/rancher/rke2"},
}

func k3sCredentials(server string) []pairFiles {
	ca := server + "tls/etcd/server-ca.crt"
	return []pairFiles{
		{ca, server + "tls/etcd/client.crt", server + "tls/etcd/client.key"},
		{ca, server + "tls/etcd/server-client.crt", server + "tls/etcd/server-client.key"},
	}
}

var k3sDatabase = &distribution{
	name:    "k3s or rke2 with an external database",
	marks:   []string{k3sServer + "kine.sock", rke2Server + "kine.sock"},
	instead: "there is no etcd: back up the database, and server/token",
}

var k3sSQLite = &distribution{
	name:    "k3s with SQLite",
	marks:   []string{k3sServer + "db/state.db"},
	instead: "there is no etcd: stop k3s, and copy server/db and server/token (https://docs.k3s.io/datastore/backup-restore)",
}
