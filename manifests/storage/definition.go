package storage

import (
	"fmt"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/json"
)

// definition is what is remembered of a CustomResourceDefinition.
type definition struct {
	status map[string]bool // the versions that have a status subresource
}

// DefinitionPrefix is what the keys of CustomResourceDefinitions begin with. Prefix is kube-apiserver's --etcd-prefix, and
// empty for [DefaultPrefix]. It is where to look for what [Decoder.Learn] wants.
func DefinitionPrefix(prefix string) string {
	if prefix == "" {
		prefix = DefaultPrefix
	}
	return prefix + "/" + definitions.Group + "/" + definitions.Resource + "/"
}

// Learn takes a CustomResourceDefinition: which versions of its resource have a status subresource. It belongs before the
// objects of that resource. All other objects are passed over. The error is that of a definition that can't be read.
func (d *Decoder) Learn(kv *mvccpb.KeyValue) error {
	p := Locate(kv.Key, d.prefix)
	if p.Key.Group != definitions.Group || p.Key.Resource != definitions.Resource {
		return nil
	}
	v, err := d.read(kv)
	if err != nil {
		return fmt.Errorf("learn definition %s: %w", printable(kv.Key), err)
	}
	var crd struct {
		Spec struct {
			Group string `json:"group"`
			Names struct {
				Plural string `json:"plural"`
			} `json:"names"`
			Subresources struct {
				Status *struct{} `json:"status"`
			} `json:"subresources"`
			Versions []struct {
				Name         string `json:"name"`
				Subresources struct {
					Status *struct{} `json:"status"`
				} `json:"subresources"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(v.plain, &crd); err != nil {
		return fmt.Errorf("learn definition %s: %w", printable(kv.Key), damaged(err))
	}
	learned := definition{status: map[string]bool{}}
	for _, version := range crd.Spec.Versions {
		learned.status[version.Name] = crd.Spec.Subresources.Status != nil || version.Subresources.Status != nil
	}
	d.definitions[schema.GroupResource{Group: crd.Spec.Group, Resource: crd.Spec.Names.Plural}] = learned
	return nil
}
