package manifests

import "strconv"

// stripService takes out the addresses and ports that the API server has allocated. Who has set them is known from
// managedFields, for the server keeps what it allocates out of them: pkg/registry/core/service/strategy.go.
func (c *canonicalizer) stripService() {
	spec := c.tree.child(c.root, "spec")
	if !c.applies(Portable) || !c.live() || c.tree.has("ExternalName", spec, "type") {
		return
	}
	c.stripAddresses(spec)
	if c.tree.has("SingleStack", spec, "ipFamilyPolicy") && !c.owned("f:spec", "f:ipFamilies") {
		c.drop(c.tree.child(spec, "ipFamilies"), "spec.ipFamilies")
	}
	ports := c.tree.items(spec, "ports")
	for i := range ports {
		port := c.tree.child(&ports[i], "nodePort")
		if port != nil && !c.owned("f:spec", "f:ports", c.portKey(&ports[i]), "f:nodePort") {
			c.drop(port, "spec.ports["+strconv.Itoa(i)+"].nodePort")
		}
	}
	if port := c.tree.child(spec, "healthCheckNodePort"); port != nil && !c.owned("f:spec", "f:healthCheckNodePort") {
		c.drop(port, "spec.healthCheckNodePort")
	}
}

// stripAddresses takes out clusterIP and clusterIPs. None is no address but the wish to have none, and it is kept. The
// server makes clusterIPs of a clusterIP, not the other way round, so who has set clusterIPs keeps both.
func (c *canonicalizer) stripAddresses(spec *node) {
	if c.tree.has("None", spec, "clusterIP") || c.tree.has("", spec, "clusterIP") || c.owned("f:spec", "f:clusterIPs") {
		return
	}
	if !c.owned("f:spec", "f:clusterIP") {
		c.drop(c.tree.child(spec, "clusterIP"), "spec.clusterIP")
	}
	c.drop(c.tree.child(spec, "clusterIPs"), "spec.clusterIPs")
}

// portKey is how managedFields name a port: by the keys of its list, see listMapKey in k8s.io/api/core/v1/types.go.
func (c *canonicalizer) portKey(port *node) string {
	protocol := string(c.tree.string(port, "protocol"))
	if protocol == "" {
		protocol = "TCP"
	}
	number := ""
	if n := c.tree.child(port, "port"); n != nil {
		number = string(c.tree.bytes(n.text))
	}
	return `k:{"port":` + number + `,"protocol":"` + protocol + `"}`
}

// live reports whether the object comes from a server. One that is in canonical form, or that was written by hand, has no
// managedFields that say what was allocated.
func (c *canonicalizer) live() bool { return len(c.tree.string(c.metadata, "uid")) > 0 }
