package pair

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/clustersnap/clustersnap/internal/boundedyaml"
	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/internal/material"
)

// authority is a CA of the bundle.
type authority struct {
	subject      Subject
	path         string
	certificates []*x509.Certificate
	err          error // why there are none
}

func newAuthority(subject Subject, name string, files []pkibundle.File) authority {
	a := authority{subject: subject}
	if len(files) == 0 {
		a.err = fmt.Errorf("the bundle has no certificate of the %s", name)
	}
	for i, f := range files {
		if i > 0 {
			a.path += " and "
		}
		a.path += f.Path
		found, err := material.Certificates(f.Data)
		if err != nil {
			a.err = fmt.Errorf("%s cannot be read: %w", f.Path, err)
		}
		a.certificates = append(a.certificates, found...)
	}
	return a
}

// Texts in objects are read up to these sizes in bytes: PEM, of which more than etcd takes in one request by default is
// hostile, and YAML, which can take long.
const (
	maxPEM  = 2 << 20
	maxYAML = 128 << 10
)

func bounded(text []byte, most int) error {
	if len(text) > most {
		return fmt.Errorf("it has %d bytes, and %d are the most", len(text), most)
	}
	return nil
}

// against holds the CA against the certificates in an object; err says why there are none to hold it against.
func (a *authority) against(object string, text []byte, err error) *Result {
	if a.err != nil {
		return &Result{a.subject, NotCheckable, a.err.Error()}
	}
	var held []*x509.Certificate
	if err == nil {
		held, err = certificates(text)
	}
	if err != nil {
		return &Result{a.subject, NotCheckable, fmt.Sprintf("%s: %v", object, err)}
	}
	state, how := a.compare(held)
	return &Result{a.subject, state, fmt.Sprintf("%s: %s %s", a.path, how, object)}
}

func certificates(text []byte) ([]*x509.Certificate, error) {
	if err := bounded(text, maxPEM); err != nil {
		return nil, err
	}
	return material.Certificates(text)
}

// compare says in words, between the file and the object, how its certificates and those of an object compare.
func (a *authority) compare(held []*x509.Certificate) (State, string) {
	equal, renewed := 0, 0
	for _, c := range a.certificates {
		for _, h := range held {
			switch {
			case bytes.Equal(c.Raw, h.Raw):
				equal++
			case bytes.Equal(c.RawSubject, h.RawSubject) && material.Same(c.PublicKey, h.PublicKey):
				renewed++
			}
		}
	}
	switch {
	case equal > 0 && equal == len(a.certificates) && equal == len(held):
		return Match, "the same CA as in"
	case equal > 0:
		return Match, fmt.Sprintf("%d CA of its %d in common with the %d in", equal, len(a.certificates), len(held))
	case renewed > 0:
		return Match, "another certificate of the same CA, with the same key, than in"
	default:
		return Mismatch, "another CA than in"
	}
}

// clusterInfoCA gives the CAs of a kubeconfig that names no user, and so has no current context.
func clusterInfoCA(kubeconfig []byte) ([]byte, error) {
	if err := bounded(kubeconfig, maxYAML); err != nil {
		return nil, err
	}
	var file struct {
		Clusters []struct {
			Cluster struct {
				CA []byte `json:"certificate-authority-data"`
			} `json:"cluster"`
		} `json:"clusters"`
	}
	if err := boundedyaml.Unmarshal(kubeconfig, &file); err != nil {
		return nil, errors.New("it holds no kubeconfig")
	}
	var all []byte
	for _, c := range file.Clusters {
		all = append(append(all, c.Cluster.CA...), '\n')
	}
	return all, nil
}

// rootCAs counts the ConfigMaps kube-root-ca.crt by how the cluster's CA compares with theirs.
type rootCAs struct {
	matches, odd, unread  int
	match, oddOne, reason string // the first of each
}

func (r *rootCAs) see(cluster *authority, namespace string, text []byte, err error) {
	object := fmt.Sprintf("ConfigMap %.63s/kube-root-ca.crt", printable(namespace))
	result := cluster.against(object, text, err)
	count, first := map[State]*int{Match: &r.matches, Mismatch: &r.odd, NotCheckable: &r.unread}[result.State], &r.reason
	if result.State == Match {
		first = &r.match
	} else if result.State == Mismatch {
		first = &r.oddOne
	}
	if *count++; *count == 1 {
		*first = result.Why
	}
}

// result is a match if there is one in any namespace: that the others lag behind while a CA is exchanged is said.
func (r *rootCAs) result(cluster *authority) *Result {
	switch {
	case r.matches > 0:
		why := fmt.Sprintf("%s, and so in all of %s", r.match, many(r.matches, "namespace"))
		if r.odd+r.unread > 0 {
			why = fmt.Sprintf("%s, and so in %s", r.match, many(r.matches, "namespace"))
		}
		if r.odd > 0 {
			why += fmt.Sprintf("; but in %d it is another, such as: %s", r.odd, r.oddOne)
		}
		if r.unread > 0 {
			why += fmt.Sprintf("; and %d cannot be read, such as: %s", r.unread, r.reason)
		}
		return &Result{cluster.subject, Match, why}
	case r.odd > 0:
		return &Result{cluster.subject, Mismatch, fmt.Sprintf("%s, and so in all of %s", r.oddOne, many(r.odd, "namespace"))}
	case r.unread > 0:
		return &Result{cluster.subject, NotCheckable, r.reason}
	}
	return nil
}
