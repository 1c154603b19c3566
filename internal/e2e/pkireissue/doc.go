// Package pkireissue tests that a node restored with made certificates is as kubeadm's, on the same machine and on another.
package pkireissue
