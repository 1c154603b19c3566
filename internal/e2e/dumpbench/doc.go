// Package dumpbench measures dumps of manifests side by side with what people use today: kubectl get -o yaml, and decoding
// with sigs.k8s.io/yaml behind it.
package dumpbench
