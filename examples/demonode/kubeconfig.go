package demonode

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// writeKubeconfigs writes the five kubeconfigs of a first control-plane node, with a client
// certificate of the cluster CA in each (cmd/kubeadm/app/phases/kubeconfig/kubeconfig.go, v1.37).
func writeKubeconfigs(tree *os.Root, cluster authority) error {
	users := []struct {
		file, name string
		groups     []string
	}{
		{"admin", "kubernetes-admin", []string{"kubeadm:cluster-admins"}},
		{"super-admin", "kubernetes-super-admin", []string{"system:masters"}},
		{"controller-manager", "system:kube-controller-manager", nil},
		{"scheduler", "system:kube-scheduler", nil},
		{"kubelet", "system:node:" + nodeName, []string{"system:nodes"}},
	}
	for _, user := range users {
		data, err := kubeconfig(cluster, pkix.Name{CommonName: user.name, Organization: user.groups})
		if err != nil {
			return fmt.Errorf("make kubeconfig %s: %w", user.file, err)
		}
		if err := writeFile(tree, "etc/kubernetes/"+user.file+".conf", data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func kubeconfig(cluster authority, user pkix.Name) ([]byte, error) {
	certPEM, keyPEM, err := cluster.issue(x509.Certificate{
		Subject:     user,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nil, err
	}
	context := user.CommonName + "@kubernetes"
	config := api.NewConfig()
	config.Clusters["kubernetes"] = &api.Cluster{
		Server:                   "https://127.0.0.1:6443",
		CertificateAuthorityData: encodePEM("CERTIFICATE", cluster.cert.Raw),
	}
	config.AuthInfos[user.CommonName] = &api.AuthInfo{ClientCertificateData: certPEM, ClientKeyData: keyPEM}
	config.Contexts[context] = &api.Context{Cluster: "kubernetes", AuthInfo: user.CommonName}
	config.CurrentContext = context
	return clientcmd.Write(*config)
}
