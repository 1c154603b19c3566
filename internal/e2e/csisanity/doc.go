// Package csisanity holds the driver of the CSI bed to the sanity suite that the Kubernetes CSI community publishes for
// drivers.
package csisanity
