package storage

import (
	"fmt"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/json"

	"github.com/clustersnap/clustersnap/manifests"
)

// DefinitionPrefix is what the keys of CustomResourceDefinitions begin with. Prefix is kube-apiserver's --etcd-prefix, and
// empty for [DefaultPrefix]. It is where to look for what [Decoder.Learn] wants.
func DefinitionPrefix(prefix string) string {
	return EtcdKey(manifests.Key{Group: definitions.Group, Resource: definitions.Resource}, prefix)
}

// definition is what is remembered of a CustomResourceDefinition.
type definition struct {
	kind       string
	namespaced bool
	stored     string          // the version that objects are stored at now
	status     map[string]bool // the versions that have a status subresource
}

// definitionFile is what is read of a definition in v1beta1, which has the subresources for all versions or for each, or in v1.
type definitionFile struct {
	Spec struct {
		Group        string       `json:"group"`
		Scope        string       `json:"scope"`
		Names        names        `json:"names"`
		Subresources subresources `json:"subresources"`
		Versions     []struct {
			Name         string       `json:"name"`
			Storage      bool         `json:"storage"`
			Subresources subresources `json:"subresources"`
		} `json:"versions"`
	} `json:"spec"`
}

type (
	names struct {
		Plural string `json:"plural"`
		Kind   string `json:"kind"`
	}
	subresources struct {
		Status *struct{} `json:"status"`
	}
)

// Learn takes a CustomResourceDefinition: which versions of its resource have a status subresource. It belongs before the
// objects of that resource. All other objects are passed over. The error is that of a definition that can't be read.
func (d *Decoder) Learn(kv *mvccpb.KeyValue) error {
	if p := Locate(kv.Key, d.prefix); p.Key.Group != definitions.Group || p.Key.Resource != definitions.Resource {
		return nil
	}
	v, err := d.read(kv)
	var file definitionFile
	if err == nil {
		if err = json.Unmarshal(v.plain, &file); err != nil {
			err = damaged(err)
		}
	}
	if err != nil {
		return fmt.Errorf("learn definition %s: %w", printable(kv.Key), err)
	}
	learned := definition{kind: file.Spec.Names.Kind, namespaced: file.Spec.Scope != "Cluster", status: map[string]bool{}}
	for _, version := range file.Spec.Versions {
		learned.status[version.Name] = file.Spec.Subresources.Status != nil || version.Subresources.Status != nil
		if version.Storage {
			learned.stored = version.Name
		}
	}
	d.definitions[schema.GroupResource{Group: file.Spec.Group, Resource: file.Spec.Names.Plural}] = learned
	return nil
}
