// Package ctrlrestores destroys control planes and has kubeadm/restore bring them back, kills it at every step, and gives
// it what it has to refuse. Etcd, kube-apiserver and its controllers are real; bed.Runner is the kubelet.
package ctrlrestores
