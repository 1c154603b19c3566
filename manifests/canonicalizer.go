package manifests

import "fmt"

// Canonicalizer is [Canonical] for one object after the other: it keeps its buffers. Its zero value is ready to use, by one
// goroutine at a time.
type Canonicalizer struct {
	canonicalizer canonicalizer
	flat          flat
}

// Object is [Canonical]. YAML and Removed of the result are overwritten by the next call.
func (c *Canonicalizer) Object(object []byte, r Resource, level Level) (*Object, error) {
	return c.canonicalizer.object(object, r, level)
}

// Entry reads the entry of an object, without its hash, from its JSON or from that of its metadata alone. The class is then
// what metadata tells: that a pod or a job has ended stands in its status.
func (c *Canonicalizer) Entry(object []byte, r Resource) (Entry, error) {
	return c.canonicalizer.entry(object, r)
}

// PackedEntry is Entry for an object in protobuf, whatever its kind: each has its metadata as its first field.
func (c *Canonicalizer) PackedEntry(object []byte, r Resource) (Entry, error) {
	if err := c.flat.write(object); err != nil {
		return Entry{}, fmt.Errorf("read metadata of %s: %w", r, err)
	}
	return c.canonicalizer.entry(c.flat.json, r)
}
