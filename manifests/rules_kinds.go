package manifests

import (
	"bytes"
	"slices"
	"strconv"
)

// stripClaim takes out which volume a claim was given, if the volume was provisioned for it. A volume that was there before
// stays in the claim: it is the one with the data. So does one that a user has named.
func (c *canonicalizer) stripClaim() {
	annotations := c.tree.child(c.metadata, "annotations")
	provisioned := c.tree.child(annotations, "volume.kubernetes.io/storage-provisioner") != nil ||
		c.tree.child(annotations, "volume.beta.kubernetes.io/storage-provisioner") != nil
	if c.applies(Portable) && c.live() && provisioned && !c.owned("f:spec", "f:volumeName") {
		c.drop(c.tree.child(c.root, "spec", "volumeName"), "spec.volumeName")
	}
}

// stripServiceAccount takes out the names of Secrets with tokens, which the token controller made before 1.24: KEP-2799. The
// name is that of the account, "-token-" and five characters.
func (c *canonicalizer) stripServiceAccount() {
	if !c.applies(Portable) || c.owned("f:secrets") {
		return
	}
	prefix := append(bytes.Clone(c.tree.string(c.metadata, "name")), "-token-"...)
	c.dropItems(c.tree.child(c.root, "secrets"), "secrets", func(n *node) bool {
		name := c.tree.string(n, "name")
		return len(name) == len(prefix)+5 && bytes.HasPrefix(name, prefix)
	})
}

// stripSecret takes out the token of a service account and what belongs to it: the token controller fills it in again, for
// the account that is there then. Source: pkg/controller/serviceaccount/tokens_controller.go.
func (c *canonicalizer) stripSecret() {
	if !c.tree.has("kubernetes.io/service-account-token", c.root, "type") {
		return
	}
	data := c.tree.child(c.root, "data")
	for _, key := range [...]string{"ca.crt", "namespace", "token"} {
		c.dropMember(data, "data", key)
	}
}

// stripNamespace takes out the finalizer that each namespace gets: pkg/registry/core/namespace/strategy.go.
func (c *canonicalizer) stripNamespace() {
	spec := c.tree.child(c.root, "spec")
	finalizers := c.tree.items(spec, "finalizers")
	if len(finalizers) == 1 && c.tree.has("kubernetes", &finalizers[0]) {
		c.dropMember(spec, "spec", "finalizers")
	}
}

// stripClusterRole takes out the rules that the aggregation controller gathers: pkg/controller/clusterroleaggregation.
func (c *canonicalizer) stripClusterRole() {
	if n := c.tree.child(c.root, "aggregationRule"); n != nil && n.shape == shapeMapping {
		c.drop(c.tree.child(c.root, "rules"), "rules")
	}
}

// injectors are annotations by which a controller is asked to write caBundle: of cert-manager and of OpenShift's service-ca.
var injectors = [...]string{
	"cert-manager.io/inject-apiserver-ca", "cert-manager.io/inject-ca-from", "cert-manager.io/inject-ca-from-secret",
	"service.beta.openshift.io/inject-cabundle",
}

// stripInjected takes out the certificates that a controller has been asked to write. Any other is a user's.
func (c *canonicalizer) stripInjected() {
	annotations := c.tree.child(c.metadata, "annotations")
	injected := slices.ContainsFunc(injectors[:], func(key string) bool { return c.tree.child(annotations, key) != nil })
	if !injected || !c.applies(Portable) {
		return
	}
	spec := c.tree.child(c.root, "spec")
	c.drop(c.tree.child(spec, "caBundle"), "spec.caBundle") // of an APIService
	converter := c.tree.child(spec, "conversion", "webhook", "clientConfig")
	c.drop(c.tree.child(converter, "caBundle"), "spec.conversion.webhook.clientConfig.caBundle") // of a CRD
	webhooks := c.tree.items(c.root, "webhooks")
	for i := range webhooks {
		c.drop(c.tree.child(&webhooks[i], "clientConfig", "caBundle"), "webhooks["+strconv.Itoa(i)+"].clientConfig.caBundle")
	}
}

// sortSubsets orders the subsets of Endpoints, their addresses and ports: they are sets, and controllers differ in how they
// write them.
func (c *canonicalizer) sortSubsets() {
	subsets := c.tree.items(c.root, "subsets")
	for i := range subsets {
		for _, list := range [...]string{"addresses", "notReadyAddresses", "ports"} {
			c.sortItems(c.tree.items(&subsets[i], list))
		}
	}
	c.sortItems(subsets)
}

func (c *canonicalizer) sortItems(items []node) {
	slices.SortFunc(items, func(a, b node) int { return c.tree.compare(&a, &b) })
}
