package pkireissue

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/reissue"
)

// works waits for etcd and kube-apiserver, is each user that the kubeconfigs make it, and sees the controllers at work.
func works(ctx context.Context, t *testing.T, node *bed.Node, n reissue.Node) {
	t.Helper()
	if err := node.WaitEtcd(ctx); err != nil {
		t.Fatal(err)
	}
	if err := node.WaitAPI(ctx); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"admin":              "kubernetes-admin [kubeadm:cluster-admins system:authenticated]",
		"super-admin":        "kubernetes-super-admin [system:masters system:authenticated]",
		"kubelet":            "system:node:" + n.Name + " [system:nodes system:authenticated]",
		"controller-manager": "system:kube-controller-manager [system:authenticated]",
		"scheduler":          "system:kube-scheduler [system:authenticated]",
	} {
		config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(node.Root, "etc/kubernetes", name+".conf"))
		if err != nil {
			t.Fatal(err)
		}
		config.Dial = node.DialContext
		review, err := client(t, config).AuthenticationV1().SelfSubjectReviews().Create(ctx,
			&authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
		if err != nil {
			t.Errorf("%s.conf: %v", name, err)
			continue
		}
		if got := fmt.Sprint(review.Status.UserInfo.Username, " ", review.Status.UserInfo.Groups); got != want {
			t.Errorf("%s.conf is of %s, want %s", name, got, want)
		}
	}

	api := client(t, node.RESTConfig(t))
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "after"}}
	if _, err := api.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	watch, err := api.CoreV1().ServiceAccounts("after").Watch(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	if event, open := <-watch.ResultChan(); !open {
		t.Error("no controller makes a service account in a new namespace")
	} else if got, ok := event.Object.(*corev1.ServiceAccount); !ok || got.Name != "default" {
		t.Errorf("controllers make %v", event.Object)
	}
}

// peersTrust asks etcd on the port for its peers, which holds the address that a peer comes from against its certificate.
func peersTrust(ctx context.Context, t *testing.T, node *bed.Node, n reissue.Node, old *pkibundle.Bundle) {
	t.Helper()
	dir := filepath.Join(node.Root, "etc/kubernetes/pki/etcd")
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "peer.crt"), filepath.Join(dir, "peer.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := askPeer(ctx, node, n, old, pair); err != nil {
		t.Errorf("with the new certificate: %v", err)
	}
	pair, err = tls.X509KeyPair(old.With("etcd-peer-cert")[0].Data, old.With("etcd-peer-key")[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	if err := askPeer(ctx, node, n, old, pair); err == nil {
		t.Error("a peer with the certificate of another address is trusted, so that the test shows nothing")
	}
}

func askPeer(ctx context.Context, node *bed.Node, n reissue.Node, old *pkibundle.Bundle, pair tls.Certificate) error {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(old.With("etcd-ca-cert")[0].Data)
	transport := &http.Transport{
		DialContext:     node.DialContext,
		TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}},
	}
	defer transport.CloseIdleConnections()
	url := fmt.Sprintf("https://%s:2380/version", n.AdvertiseAddress)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", response.Status)
	}
	return nil
}
