package rehost

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/clustersnap/clustersnap/internal/boundedyaml"
)

// maxObjects bounds the text of objects: 5000 nodes with all that they say of their images are 50 MiB.
const maxObjects = 64 << 20

// Objects are those of a snapshot that [Init] and [Join] look at: all Nodes, the ConfigMaps and Secrets of kube-system, and the
// ConfigMaps of kube-public. More of them do no harm.
type Objects struct {
	Nodes      []corev1.Node
	ConfigMaps []corev1.ConfigMap
	// Secrets are those of bootstrap tokens and kubeadm-certs. Of their values only dates and usages are looked at.
	Secrets []corev1.Secret
}

// ReadObjects reads Nodes, ConfigMaps and Secrets from YAML or JSON of one document or several, at most 64 MiB; a List may
// hold them, as kubectl get writes it. Of Secrets it keeps no secret values, and drops all that are neither a bootstrap token
// nor kubeadm-certs. An object of another kind is an error.
func ReadObjects(text []byte) (*Objects, error) {
	var all Objects
	if len(text) > maxObjects {
		return nil, fmt.Errorf("read objects: the text is larger than %d MiB: give the objects that are needed alone", maxObjects>>20)
	}
	for i, document := range documentsOf(string(text)) {
		if err := all.add([]byte(document)); err != nil {
			return nil, fmt.Errorf("read objects: document %d: %w", i+1, err)
		}
	}
	return &all, nil
}

// documentsOf splits a stream at its lines "---".
func documentsOf(text string) (all []string) {
	var b strings.Builder
	end := func() {
		if strings.TrimSpace(b.String()) != "" {
			all = append(all, b.String())
		}
		b.Reset()
	}
	for line := range strings.Lines(text) {
		if line == "---\n" || line == "---" || line == "---\r\n" || strings.HasPrefix(line, "--- ") {
			end()
			continue
		}
		b.WriteString(line)
	}
	end()
	return all
}

// head is what an object is.
type head struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

func (o *Objects) add(document []byte) error {
	var h head
	if err := unmarshal(document, &h); err != nil {
		return err
	}
	kind, isList := strings.CutSuffix(h.Kind, "List")
	if !isList {
		return o.addOne(document, h)
	}
	var list struct{ Items []json.RawMessage }
	if err := unmarshal(document, &list); err != nil {
		return err
	}
	for _, item := range list.Items {
		of := head{h.APIVersion, kind} // items of a typed list may leave out what they are
		if err := unmarshal(item, &of); err != nil {
			return err
		}
		if err := o.addOne(item, of); err != nil {
			return err
		}
	}
	return nil
}

func (o *Objects) addOne(document []byte, h head) error {
	switch h {
	case head{"v1", "Node"}:
		return one(document, &o.Nodes)
	case head{"v1", "ConfigMap"}:
		return one(document, &o.ConfigMaps)
	case head{"v1", "Secret"}:
		var secrets []corev1.Secret
		err := one(document, &secrets)
		o.keep(secrets)
		return err
	}
	return fmt.Errorf("there is an object of apiVersion %.100q, kind %.100q: give Nodes, ConfigMaps and Secrets alone",
		h.APIVersion, h.Kind)
}

func one[T any](document []byte, into *[]T) error {
	var object T
	if err := unmarshal(document, &object); err != nil {
		return err
	}
	*into = append(*into, object)
	return nil
}

// unmarshal shows nothing of what it could not read, as that may be a secret.
func unmarshal(document []byte, into any) error {
	err := boundedyaml.Unmarshal(document, into)
	if errors.Is(err, boundedyaml.ErrRepeats) || errors.Is(err, boundedyaml.ErrNotUTF8) {
		return err
	}
	if err != nil {
		return errors.New("it is not of the form of a Node, a ConfigMap or a Secret: correct it")
	}
	return nil
}

const (
	tokenType    = corev1.SecretTypeBootstrapToken
	certsSecret  = "kubeadm-certs"
	usagePrefix  = "usage-bootstrap-"
	expiration   = "expiration"
	kubeSystem   = "kube-system"
	kubePublic   = "kube-public"
	configMap    = "kubeadm-config"
	infoMap      = "cluster-info"
	kubeletMap   = "kubelet-config"
	proxyMap     = "kube-proxy"
	criAnnotated = "kubeadm.alpha.kubernetes.io/cri-socket"
)

// keep takes what is needed of secrets.
func (o *Objects) keep(secrets []corev1.Secret) {
	for _, s := range secrets {
		if s.Namespace != kubeSystem || s.Type != tokenType && s.Name != certsSecret {
			continue
		}
		kept := corev1.Secret{Type: s.Type}
		kept.Name, kept.Namespace, kept.CreationTimestamp, kept.OwnerReferences = s.Name, s.Namespace, s.CreationTimestamp,
			s.OwnerReferences
		kept.Data = map[string][]byte{}
		for key, value := range s.Data {
			switch {
			case s.Type == tokenType && (key == expiration || strings.HasPrefix(key, usagePrefix)):
				kept.Data[key] = value
			case s.Name == certsSecret:
				kept.Data[key] = nil
			}
		}
		o.Secrets = append(o.Secrets, kept)
	}
}

func (o *Objects) configMap(namespace, name string) *corev1.ConfigMap {
	for i := range o.ConfigMaps {
		if m := &o.ConfigMaps[i]; m.Namespace == namespace && m.Name == name {
			return m
		}
	}
	return nil
}

// kubeletMap is the kubelets' configuration, which was named for a minor version before v1.24.
func (o *Objects) kubeletMap() *corev1.ConfigMap {
	if m := o.configMap(kubeSystem, kubeletMap); m != nil {
		return m
	}
	for i := range o.ConfigMaps {
		if m := &o.ConfigMaps[i]; m.Namespace == kubeSystem && strings.HasPrefix(m.Name, kubeletMap+"-1.") {
			return m
		}
	}
	return nil
}

func (o *Objects) node(name string) *corev1.Node {
	for i := range o.Nodes {
		if o.Nodes[i].Name == name {
			return &o.Nodes[i]
		}
	}
	return nil
}
