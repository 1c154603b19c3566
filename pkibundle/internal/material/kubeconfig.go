package material

import (
	"errors"

	"github.com/clustersnap/clustersnap/internal/boundedyaml"
)

// Kubeconfig is what the current context of a kubeconfig says. What it holds as a path is relative to its own
// directory, unless it is absolute.
type Kubeconfig struct {
	Server            string
	ServerName        string // that its certificate must have, if another than in Server
	Insecure          bool   // it takes any certificate
	CA, Cert, Key     []byte // PEM that stands in it; nil where a file is named instead
	CAFile, CertFile  string
	KeyFile           string
	TokenFile         string
	Token, BasicOrCmd bool // it has a token; a password, plugin or the like
}

// Clear overwrites the key.
func (k *Kubeconfig) Clear() { clear(k.Key) }

var errNoKubeconfig = errors.New("it is no kubeconfig")

// ParseKubeconfig reads the current context.
func ParseKubeconfig(data []byte) (*Kubeconfig, error) {
	var file struct {
		Kind    string `json:"kind"`
		Current string `json:"current-context"`
		Context []struct {
			Name    string `json:"name"`
			Context struct {
				Cluster string `json:"cluster"`
				User    string `json:"user"`
			} `json:"context"`
		} `json:"contexts"`
		Clusters []struct {
			Name    string `json:"name"`
			Cluster struct {
				Server     string `json:"server"`
				ServerName string `json:"tls-server-name"`
				Insecure   bool   `json:"insecure-skip-tls-verify"`
				CAFile     string `json:"certificate-authority"`
				CA         []byte `json:"certificate-authority-data"`
			} `json:"cluster"`
		} `json:"clusters"`
		Users []struct {
			Name string `json:"name"`
			User struct {
				CertFile  string `json:"client-certificate"`
				Cert      []byte `json:"client-certificate-data"`
				KeyFile   string `json:"client-key"`
				Key       []byte `json:"client-key-data"`
				Token     string `json:"token"`
				TokenFile string `json:"tokenFile"`
				Username  string `json:"username"`
				Exec      any    `json:"exec"`
				Plugin    any    `json:"auth-provider"`
			} `json:"user"`
		} `json:"users"`
	}
	if err := boundedyaml.Unmarshal(data, &file); err != nil { // its text may show what was read
		return nil, errNoKubeconfig
	}
	if file.Kind != "Config" {
		return nil, errNoKubeconfig
	}
	for _, context := range file.Context {
		if context.Name != file.Current {
			continue
		}
		found := &Kubeconfig{}
		for _, c := range file.Clusters {
			if c.Name == context.Context.Cluster {
				found.Server, found.CA, found.CAFile = c.Cluster.Server, c.Cluster.CA, c.Cluster.CAFile
				found.ServerName, found.Insecure = c.Cluster.ServerName, c.Cluster.Insecure
			}
		}
		for _, u := range file.Users {
			if u.Name == context.Context.User {
				found.Cert, found.CertFile, found.Key, found.KeyFile = u.User.Cert, u.User.CertFile, u.User.Key, u.User.KeyFile
				found.Token, found.TokenFile = u.User.Token != "", u.User.TokenFile
				found.BasicOrCmd = u.User.Username != "" || u.User.Exec != nil || u.User.Plugin != nil
			}
		}
		if found.Server == "" {
			return nil, errors.New("its current context leads to no server")
		}
		return found, nil
	}
	return nil, errors.New("its current context is not in it")
}
