package manifests

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// Canonical brings one object, as the JSON of an API server, into canonical form: one YAML document whose bytes depend on
// nothing but what the object says. It does not matter whether the JSON comes from a list, a get or a watch, nor which
// fields it has first. Mappings are sorted by key, byte by byte. Lists stay as they are, but for the subsets of Endpoints,
// which are sets. Numbers and strings stay as they are. No empty mapping, unknown field or annotation of a user is dropped.
//
// What is taken out is said in Removed, and by level: see rules.go for each field and who says so. What the
// server has allocated, such as a node port or the node of a pod, is told from what a user has set by managedFields, so an
// object whose managedFields were stripped before loses both. An object without uid is no server's: it loses neither. So the
// canonical form of a canonical form is the form itself.
//
// Finalizers that are not Kubernetes' own stay, at both levels. Where their controller does not run, an object that has them
// can be made but not deleted.
//
// Status is taken out where r says that there is a status subresource. Version and kind are r's where the JSON has none, as
// the items of lists of built-in kinds. An object must have a name.
//
// An error is for JSON that is broken, not UTF-8, nested deeper than 10000 or that has a key twice in one mapping.
func Canonical(object []byte, r Resource, level Level) (*Object, error) {
	var c canonicalizer
	form, err := c.object(object, r, level)
	if err != nil {
		return nil, err
	}
	alone := *form // or the buffers would live as long as the result
	return &alone, nil
}

// canonicalizer brings one object after the other into canonical form, and keeps its buffers from one to the next. Its zero
// value is ready to use, by one goroutine at a time.
type canonicalizer struct {
	tree   jsonTree
	fields jsonTree // of managedFields, on the source of tree
	out    []byte
	result Object

	// What is known of the object at hand.
	resource       Resource
	level          Level
	root, metadata *node
	managers       []manager
}

// maxNodes and maxOut are how much of the buffers is kept for the next object.
const (
	maxNodes = 1 << 15
	maxOut   = 1 << 20
)

// object is Canonical. YAML and Removed of the result are overwritten by the next call; raw is neither changed nor kept.
func (c *canonicalizer) object(raw []byte, r Resource, level Level) (*Object, error) {
	if level != Portable && level != Faithful {
		return nil, fmt.Errorf("bring %v into canonical form: there is no level %d", r, level)
	}
	if err := c.read(raw, r); err != nil {
		return nil, fmt.Errorf("bring %v into canonical form: %w", r, err)
	}
	c.level = level
	c.result = Object{Entry: c.named(), Removed: c.result.Removed[:0]}
	c.strip()
	w := yamlWriter{jsonTree: &c.tree, out: c.out[:0]}
	w.write(c.root)
	c.out = w.out
	c.result.YAML = c.out
	sum := sha256.Sum256(c.out)
	c.result.Hash = hex.EncodeToString(sum[:])
	return &c.result, nil
}

// entry is the entry that object gives, but for the hash. It takes a PartialObjectMetadata, too. The class is then as good
// as metadata allows: that a pod or a job has ended stands in its status, so it is of the class that it had before.
func (c *canonicalizer) entry(raw []byte, r Resource) (Entry, error) {
	if err := c.read(raw, r); err != nil {
		return Entry{}, fmt.Errorf("read metadata of %v: %w", r, err)
	}
	return c.named(), nil
}

// read takes an object apart and finds what all the rest needs.
func (c *canonicalizer) read(raw []byte, r Resource) error {
	c.shrink()
	root, err := c.tree.read(append(c.tree.src[:0], raw...), atRoot)
	if err != nil {
		return err
	}
	if root.shape != shapeMapping {
		return errors.New("the JSON is no object")
	}
	c.resource = r
	c.root = c.typed(root)
	c.metadata = c.tree.child(c.root, "metadata")
	if len(c.tree.string(c.metadata, "name")) == 0 {
		return errors.New("the object has no name")
	}
	c.findManagers()
	return nil
}

// shrink lets go of buffers that a huge object has left.
func (c *canonicalizer) shrink() {
	if cap(c.tree.nodes) > maxNodes || cap(c.fields.nodes) > maxNodes {
		c.tree, c.fields = jsonTree{src: c.tree.src}, jsonTree{}
	}
	if cap(c.tree.src) > maxOut {
		c.tree.src = nil
	}
	if cap(c.out) > maxOut {
		c.out = nil
	}
}

// typed gives the root after it has apiVersion and kind.
func (c *canonicalizer) typed(root *node) *node {
	version := c.resource.Version
	if c.resource.Group != "" {
		version = c.resource.Group + "/" + version
	}
	root = c.with(root, "apiVersion", version)
	return c.with(root, "kind", c.resource.Kind)
}

// with gives the root after it has a text for a key, if it had none. Pointers to nodes are not valid any more.
func (c *canonicalizer) with(root *node, key, value string) *node {
	d := &c.tree
	if len(d.string(root, key)) > 0 {
		return root
	}
	n := *root
	n.lo = uint32(len(d.nodes))
	for i := root.lo; i < root.hi; i++ {
		if string(d.bytes(d.nodes[i].key)) != key {
			d.nodes = append(d.nodes, d.nodes[i])
		}
	}
	d.nodes = append(d.nodes, node{shape: shapeText, key: d.add(key), text: d.add(value)})
	n.hi = uint32(len(d.nodes))
	_ = d.sort(d.nodes[n.lo:]) // no key is there twice
	d.nodes = append(d.nodes, n)
	return &d.nodes[len(d.nodes)-1]
}

// named gives the entry of the object at hand, without its hash.
func (c *canonicalizer) named() Entry {
	r := c.resource
	return Entry{
		Key: Key{
			Group: r.Group, Resource: r.Resource,
			Namespace: string(c.tree.string(c.metadata, "namespace")), Name: string(c.tree.string(c.metadata, "name")),
		},
		Version:         r.Version,
		Kind:            r.Kind,
		UID:             string(c.tree.string(c.metadata, "uid")),
		ResourceVersion: string(c.tree.string(c.metadata, "resourceVersion")),
		Class:           c.class(),
	}
}
