package reissue

import (
	"fmt"

	"sigs.k8s.io/yaml"
)

// kubeconfig writes what kubeadm writes (cmd/kubeadm/app/util/kubeconfig/kubeconfig.go): one cluster, one user and one
// context, which is named for both.
func kubeconfig(server, clusterName, userName string, ca, cert, key []byte) ([]byte, error) {
	type cluster struct {
		CA     []byte `json:"certificate-authority-data"`
		Server string `json:"server"`
	}
	type user struct {
		Cert []byte `json:"client-certificate-data"`
		Key  []byte `json:"client-key-data"`
	}
	type context struct {
		Cluster string `json:"cluster"`
		User    string `json:"user"`
	}
	type namedCluster struct {
		Cluster cluster `json:"cluster"`
		Name    string  `json:"name"`
	}
	type namedUser struct {
		Name string `json:"name"`
		User user   `json:"user"`
	}
	type namedContext struct {
		Context context `json:"context"`
		Name    string  `json:"name"`
	}
	contextName := userName + "@" + clusterName
	text, err := yaml.Marshal(struct {
		APIVersion string         `json:"apiVersion"`
		Clusters   []namedCluster `json:"clusters"`
		Contexts   []namedContext `json:"contexts"`
		Current    string         `json:"current-context"`
		Kind       string         `json:"kind"`
		Users      []namedUser    `json:"users"`
	}{
		"v1",
		[]namedCluster{{cluster{ca, server}, clusterName}},
		[]namedContext{{context{clusterName, userName}, contextName}},
		contextName,
		"Config",
		[]namedUser{{userName, user{cert, key}}},
	})
	if err != nil { // its text could show what was to be written
		return nil, fmt.Errorf("write kubeconfig of %s for %s", userName, server)
	}
	return text, nil
}
