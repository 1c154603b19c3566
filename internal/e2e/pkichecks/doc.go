// Package pkichecks tests the check of a node's files on what a real kubeadm has written.
package pkichecks
