// Package cronjobs holds the Kustomize overlays of examples/cronjob: as the stock kubectl renders them and a real API server
// takes them, against what kubeadm/job renders for a node, and by running what their pods would run.
package cronjobs
