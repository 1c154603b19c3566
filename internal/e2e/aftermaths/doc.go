// Package aftermaths holds what kubeadm/aftermath finds against real clusters: one in which each finding is made in turn, and
// one whose etcd was put back while others went on. What kubelets would say comes from functions, and from a server that
// kube-apiserver takes for a kubelet; package drills asks a real one.
package aftermaths
