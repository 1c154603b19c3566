// Command cronjob assembles the container image of the clustersnap command, as an archive that every container runtime
// reads, and a file with its SHA-256 beside it:
//
//	mkdir -p bin
//	go run -C examples ./cronjob --to ../bin/clustersnap-image.tar
//	(cd bin && sha256sum --check clustersnap-image.tar.sha256)
//
// Nothing is pulled, no daemon is asked, and no registry is needed. On a node that has none, as root:
//
//	ctr --namespace k8s.io images import clustersnap-image.tar
//
// To have it in a registry, which keeps its digest:
//
//	mkdir image && tar -C image -xf clustersnap-image.tar
//	go run github.com/google/go-containerregistry/cmd/crane@v0.22.1 push image registry.example.org/clustersnap:v1
//
// The image is the static program, the root certificates of Mozilla, with which it finds stores behind TLS, and an empty
// /tmp: no shell, no users, no base image. It runs as user 65532 unless a pod says otherwise, as one that reads a node's
// keys has to.
//
// The same source and the same version of Go give the same bytes, whoever builds, wherever, and whenever: nothing of the
// machine, its clock or its user is in the archive. The last line that is printed is the digest of the image, to compare and
// to pin.
//
// What runs the image lies beside it, for kubectl apply -k: overlays/control-plane, a CronJob that backs a control-plane
// node up into a directory of it, as package kubeadm/job renders it; overlays/external-etcd, one that needs no node's files;
// components/volumes, which adds snapshots of volumes; and alerts, rules for Prometheus. Each says in its kustomization.yaml what
// it wants. The pods have an account that may list all objects and write Events, and with that component what snapshots take.
package main
