package manifests

import "errors"

// Canonical brings one object, as JSON that an API server sent, into its canonical form.
func Canonical(object []byte, r Resource, level Level) (*Object, error) {
	var c canonicalizer
	return c.object(object, r, level)
}

// canonicalizer brings one object after the other into canonical form, and keeps its buffers from one to the next. Its zero
// value is ready to use, by one goroutine at a time.
type canonicalizer struct{}

// object is Canonical. YAML and Removed of the result are overwritten by the next call; raw is neither changed nor kept.
func (c *canonicalizer) object(raw []byte, r Resource, level Level) (*Object, error) {
	return nil, errors.New("canonical form: not written yet")
}

// entry is the entry that object gives, with no hash, for an object of which only apiVersion, kind and metadata are there:
// a PartialObjectMetadata. The class is then as exact as metadata allows: whether a pod has ended stands in its status.
func (c *canonicalizer) entry(raw []byte, r Resource) (Entry, error) {
	return Entry{}, errors.New("canonical form: not written yet")
}
