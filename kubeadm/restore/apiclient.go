package restore

import (
	"context"
	"encoding/json"
	"path/filepath"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Where kubeadm has the users of the API, wherever the manifests are: the first one is for who must get in whatever
// RBAC says, and only on the first node; the last one names the node's own kube-apiserver
// (cmd/kubeadm/app/constants/constants.go in kubernetes/kubernetes).
const (
	confDir               = "etc/kubernetes"
	superAdminConf        = "super-admin.conf"
	adminConf             = "admin.conf"
	controllerManagerConf = "controller-manager.conf"
)

// conf is where a kubeconfig is below the node's root.
func (p *Plan) conf(root, name string) string {
	return filepath.Join(root, confDir, name)
}

// api is kube-apiserver, by its paths. It takes far less of client-go than a clientset.
type api struct{ client rest.Interface }

// dialAPI makes a client of the node's own kube-apiserver with all rights.
func (m *machine) dialAPI(p *Plan) (*api, error) {
	conf, err := m.adminConf(m.now())
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.BuildConfigFromFlags("", conf)
	if err != nil {
		return nil, err
	}
	// What admin.conf names may be a load balancer that leads to another node.
	own, err := clientcmd.BuildConfigFromFlags("", p.conf(m.at.root, controllerManagerConf))
	if err == nil {
		config.Host = own.Host
	}
	return newAPI(config)
}

func newAPI(config *rest.Config) (*api, error) {
	config.Timeout = askLimit
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	client, err := rest.UnversionedRESTClientFor(config)
	return &api{client}, err
}

func (a *api) get(ctx context.Context, path string, into runtime.Object) error {
	return a.client.Get().AbsPath(path).Do(ctx).Into(into)
}

// first lists no more than one object.
func (a *api) first(ctx context.Context, path string, into runtime.Object) error {
	return a.client.Get().AbsPath(path).Param("limit", "1").Do(ctx).Into(into)
}

func (a *api) create(ctx context.Context, path string, body, into runtime.Object) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return a.client.Post().AbsPath(path).SetHeader("Content-Type", runtime.ContentTypeJSON).Body(text).Do(ctx).Into(into)
}

func (a *api) delete(ctx context.Context, path string) error {
	return a.client.Delete().AbsPath(path).Do(ctx).Error()
}

// ready asks for the state of kube-apiserver itself.
func (a *api) ready(ctx context.Context) error {
	return a.client.Get().AbsPath("/readyz").Do(ctx).Error()
}
