package manifests

import "bytes"

// manager is one entry of metadata.managedFields: who has written which fields.
type manager struct {
	name   span
	status bool // through the status subresource
	fields *node
	root   int // of fields once they are taken apart, an index into the nodes of canonicalizer.fields; -1 before
}

// findManagers finds the managers of the object at hand.
func (c *canonicalizer) findManagers() {
	c.managers = c.managers[:0]
	c.fields.src, c.fields.nodes = c.tree.src, c.fields.nodes[:0]
	entries := c.tree.items(c.metadata, "managedFields")
	for i := range entries {
		m := manager{
			status: c.tree.has("status", &entries[i], "subresource"),
			fields: c.tree.child(&entries[i], "fieldsV1"),
			root:   -1,
		}
		if name := c.tree.child(&entries[i], "manager"); name != nil && name.shape == shapeText {
			m.name = name.text
		}
		c.managers = append(c.managers, m)
	}
}

// system reports whether a manager is a part of the control plane, by the name that it has in managedFields: what
// the API server makes at its start, the controllers, the scheduler.
//
// Sources: pkg/registry/flowcontrol/ensurer for the field managers of priority and fairness,
// pkg/controller/clusterroleaggregation for its field manager, all others are named after their binary.
func (c *canonicalizer) system(m *manager) bool {
	name := c.tree.bytes(m.name)
	switch string(name) {
	case "kube-apiserver", "kube-controller-manager", "kube-scheduler", "clusterrole-aggregation-controller":
		return true
	}
	return bytes.HasPrefix(name, []byte("api-priority-and-fairness-config-"))
}

// foreign reports whether somebody other than the control plane has written more than status.
func (c *canonicalizer) foreign() bool {
	for i := range c.managers {
		if m := &c.managers[i]; !m.status && !c.system(m) {
			return true
		}
	}
	return false
}

// owned reports whether somebody other than the control plane has written a field. Its path is that of fieldsV1, such as
// "f:spec", "f:nodePort". The API server keeps what it allocates out of managedFields, so an allocated port is nobody's.
func (c *canonicalizer) owned(path ...string) bool {
	for i := range c.managers {
		m := &c.managers[i]
		if m.status || c.system(m) {
			continue
		}
		if c.takeApart(m); m.root >= 0 && c.fields.child(&c.fields.nodes[m.root], path...) != nil {
			return true
		}
	}
	return false
}

// takeApart reads the fields of a manager, which few objects need.
func (c *canonicalizer) takeApart(m *manager) {
	if m.root >= 0 || m.fields == nil || m.fields.shape != shapeUnparsed {
		return
	}
	if _, err := c.fields.part(m.fields.text, elsewhere); err != nil { // a key that is there twice
		return
	}
	m.root = len(c.fields.nodes) - 1
}
