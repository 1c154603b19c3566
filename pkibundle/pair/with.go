package pair

import (
	"fmt"
	"iter"
	"strings"

	"github.com/clustersnap/clustersnap/internal/atrest"
	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// With compares a bundle with the objects of a snapshot: keys and values as etcd holds them at the snapshot's last
// revision, in any order. Keys and values are read only until the next pair is asked for, and nothing of them is kept
// but what results say.
//
// The iterator ends early at an error of its own, which the caller keeps: then the results say nothing. They come in
// the order of the subjects.
func With(b *pkibundle.Bundle, objects iter.Seq2[[]byte, []byte]) []Result {
	p := newPairing(b)
	defer p.encryption.config.Clear()
	for key, value := range objects {
		p.see(key, value)
	}
	return p.results()
}

// pairing is a bundle, and what has been seen of a snapshot.
type pairing struct {
	node       node
	prefix     string // of all keys, with a slash at the end
	objects    int    // seen below the prefix
	encryption *encryption
	cluster    authority
	frontProxy authority
	rootCAs    rootCAs
	tokens     tokens

	// Of what is there once, nil until it was seen.
	clusterInfo, clientCA, requestHeaderCA *Result
	configuration                          []Result
}

func newPairing(b *pkibundle.Bundle) *pairing {
	n := nodeOf(b)
	return &pairing{
		node:       n,
		prefix:     n.prefix(),
		encryption: newEncryption(files(b, role.Encryption)),
		cluster:    newAuthority(ClusterCA, "cluster CA", files(b, role.ClusterCACert)),
		frontProxy: newAuthority(FrontProxyCA, "CA of the front proxy", files(b, role.FrontProxyCACert)),
		tokens:     newTokens(files(b, role.ServiceAccountPK), files(b, role.ServiceAccount)),
	}
}

// files are those of a role, without links.
func files(b *pkibundle.Bundle, role string) []pkibundle.File {
	var found []pkibundle.File
	for _, f := range b.With(role) {
		if f.Link == "" {
			found = append(found, f)
		}
	}
	return found
}

var (
	configMaps = atrest.Resource{Name: "configmaps"}
	secrets    = atrest.Resource{Name: "secrets"}
)

// see takes one object in.
func (p *pairing) see(key, value []byte) {
	resource, ok := atrest.ResourceOf(key, p.prefix)
	if !ok {
		return
	}
	p.objects++
	object, err := p.encryption.open(resource, key, value)
	if _, sealed := atrest.PrefixOf(value); sealed {
		defer clear(object)
	}
	switch resource {
	case configMaps:
		p.configMap(strings.TrimPrefix(string(key), p.prefix+"configmaps/"), object, err)
	case secrets:
		p.tokens.see(strings.TrimPrefix(string(key), p.prefix+"secrets/"), object, err)
	}
}

// The ConfigMaps that are looked at, and what of their data.
const (
	infoName    = "kube-public/cluster-info"
	infoKey     = "kubeconfig"
	authName    = "kube-system/extension-apiserver-authentication"
	clientKey   = "client-ca-file"
	headerKey   = "requestheader-client-ca-file"
	kubeadmName = "kube-system/kubeadm-config"
	kubeadmKey  = "ClusterConfiguration"
	rootName    = "/kube-root-ca.crt" // in every namespace
	rootKey     = "ca.crt"
)

// configMap compares the ConfigMap of a name, which has its namespace in front. Err says why it could not be decrypted.
func (p *pairing) configMap(name string, object []byte, err error) {
	read := func(key string) ([]byte, error) { return dataOf(object, err, "ConfigMap", key) }
	switch {
	case name == infoName:
		text, err := read(infoKey)
		if err == nil {
			text, err = clusterInfoCA(text)
		}
		p.clusterInfo = p.cluster.against("ConfigMap "+infoName, text, err)
	case name == authName:
		text, err := read(clientKey)
		p.clientCA = p.cluster.against(clientKey+" in ConfigMap "+authName, text, err)
		text, err = read(headerKey)
		p.requestHeaderCA = p.frontProxy.against(headerKey+" in ConfigMap "+authName, text, err)
	case name == kubeadmName:
		text, err := read(kubeadmKey)
		p.configuration = p.node.against(text, err)
	case strings.HasSuffix(name, rootName):
		text, err := read(rootKey)
		p.rootCAs.see(&p.cluster, strings.TrimSuffix(name, rootName), text, err)
	}
}

// dataOf gives a value in the data of an object; err is as in decode.
func dataOf(object []byte, err error, kind, key string) ([]byte, error) {
	o, err := decode(object, err, kind)
	if err != nil {
		return nil, err
	}
	text, ok := o.data[key]
	if !ok {
		return nil, fmt.Errorf("it has no %s", key)
	}
	return text, nil
}

func (p *pairing) results() []Result {
	var list []Result
	add := func(r *Result, subject Subject, what string) {
		if r == nil {
			r = &Result{subject, NotCheckable, p.missing(what)}
		}
		list = append(list, *r)
	}
	add(p.clusterInfo, ClusterCA, "ConfigMap "+infoName+", which kubeadm init writes")
	add(p.rootCAs.result(&p.cluster), ClusterCA, "ConfigMap kube-root-ca.crt, which kube-controller-manager writes")
	add(p.clientCA, ClusterCA, "ConfigMap "+authName+", which kube-apiserver writes")
	add(p.requestHeaderCA, FrontProxyCA, "ConfigMap "+authName+", which kube-apiserver writes")
	list = append(list, p.encryption.results(p.objects, p.prefix)...)
	add(p.tokens.result(), ServiceAccountKey, "Secret of the type "+tokenType+", and Kubernetes makes none by itself since 1.24")
	if p.tokens.pair != nil {
		list = append(list, *p.tokens.pair)
	}
	if p.configuration == nil {
		add(nil, ClusterConfiguration, "ConfigMap "+kubeadmName+", which kubeadm init writes")
	}
	return append(list, p.configuration...)
}

// missing says that the snapshot lacks something.
func (p *pairing) missing(what string) string {
	if p.objects == 0 {
		return noObjects(p.prefix)
	}
	return "the snapshot has no " + what
}

// noObjects says that what was read is no snapshot of a cluster, or has another prefix.
func noObjects(prefix string) string {
	return fmt.Sprintf("the snapshot has no object below %.200q, the --etcd-prefix of the bundle's kube-apiserver", prefix)
}

// many is a number of things.
func many(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
