package main

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clustersnap/clustersnap/manifests"
)

// again is the annotation whose new value, whatever it is, asks for another backup.
const again = "clustersnap.example.com/again"

// clusterBackup is a wish for a backup, and what became of the last one. crd.yaml has the same fields.
type clusterBackup struct {
	Spec struct {
		Classes []manifests.Class `json:"classes,omitempty"` // of the objects to keep; empty is all
	} `json:"spec"`
	Status status `json:"status"`
}

type status struct {
	ObservedGeneration int64          `json:"observedGeneration"`
	Again              string         `json:"again,omitempty"` // the annotation's value that this is for
	Verdict            string         `json:"verdict"`         // complete, incomplete or failed
	Time               metav1.Time    `json:"time"`
	Revision           string         `json:"revision,omitempty"` // of etcd: all objects are as they were then
	Objects            int            `json:"objects"`
	Outcomes           map[string]int `json:"outcomes,omitempty"` // how many there are of each state
	Missing            []string       `json:"missing,omitempty"`  // what could not be listed, and why
	Error              string         `json:"error,omitempty"`
}

// newObject is a ClusterBackup as the API server gives it. With generated code it would be a type of its own.
func newObject() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "clustersnap.example.com/v1alpha1", "kind": "ClusterBackup",
	}}
}
