package main

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// restConfig reads the kubeconfig that a flag names, or kubectl's where it names none.
func restConfig(kubeconfig string) (*rest.Config, error) {
	config, err := readKubeconfig(kubeconfig)
	if err != nil {
		return nil, usageError{err}
	}
	return config, nil
}

// readKubeconfig reads one that no flag has named, too.
func readKubeconfig(file string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = file
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	switch {
	case err == nil:
		by := cmp.Or(file, "the kubeconfig")
		advised(config, by, by)
		return config, nil
	case clientcmd.IsEmptyConfig(err) && file == "":
		return nil, errors.New("no kubeconfig: give --kubeconfig FILE, or set KUBECONFIG")
	case clientcmd.IsEmptyConfig(err):
		return nil, fmt.Errorf("read kubeconfig: %s names no cluster: give another one", file)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), clientcmd.IsConfigurationInvalid(err):
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	// What its decoder says of a file that is something else says nothing about that.
	return nil, fmt.Errorf("read kubeconfig: %s is none: give another one", cmp.Or(file, "kubectl's"))
}

// advised has whoever can't reach an API server, or is not taken by it, told what to look at, wherever that is noticed. by is
// where its address stands, and whose is where the credentials do.
func advised(config *rest.Config, by, whose string) {
	config.UserAgent = "clustersnap"
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return adviser{next, by, credentials{config.TLSClientConfig, whose}}
	})
}

type adviser struct {
	http.RoundTripper
	by          string
	credentials credentials
}

func (a adviser) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := a.RoundTripper.RoundTrip(r)
	if at := (*net.OpError)(nil); errors.As(err, &at) && at.Op == "dial" {
		return response, unreached{at, fmt.Sprintf("does the API server run there, or has %s an old address?", a.by)}
	}
	if errors.As(err, new(x509.UnknownAuthorityError)) {
		return response, fmt.Errorf("%w: is the CA in %s that of this cluster?", err, a.by)
	}
	if err == nil && response.StatusCode == http.StatusUnauthorized {
		err = a.credentials.refused(response, time.Now())
	}
	return response, err
}

// unreached is a server that can't be, and what to look at. It is still what clients ask an error of the net for.
type unreached struct {
	*net.OpError
	next string
}

func (u unreached) Error() string { return u.OpError.Error() + ": " + u.next }
func (u unreached) Unwrap() error { return u.OpError }
