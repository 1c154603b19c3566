// Package informer holds what a restore of etcd means to a client of the Kubernetes API that runs all the time: a client-go
// informer, as every controller and kubelet has them, keeps what it has seen, and asks only for what happened since.
package informer
