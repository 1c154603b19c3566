package pair

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/clustersnap/clustersnap/internal/atrest"
	"github.com/clustersnap/clustersnap/pkibundle"
)

// encryption is the bundle's encryption configuration, and how the values of the snapshot compare with it.
type encryption struct {
	path   string
	config *atrest.Config // nil if there is none, or err
	err    error          // why it cannot be read
	groups map[group]*count
	more   count // values of which the group is not told apart
}

// group is what has one result: values of a resource that were encrypted under one name.
type group struct {
	resource atrest.Resource
	prefix   atrest.Prefix // empty for values that are not encrypted and must be
}

// count is of the values of a group.
type count struct {
	all, refused int
	example      string // the key in etcd of the first that was refused
	err          error  // and why
}

// maxGroups is how many are told apart. A cluster has as many as it has resources and keys; hostile values have more.
const maxGroups = 4096

func newEncryption(files []pkibundle.File) *encryption {
	e := &encryption{groups: map[group]*count{}}
	if len(files) > 0 {
		e.path = files[0].Path
		e.config, e.err = atrest.Parse(files[0].Data)
	}
	return e
}

// open gives an object as it was encoded, and counts how that went.
func (e *encryption) open(resource atrest.Resource, key, value []byte) ([]byte, error) {
	object, err := e.config.Decrypt(resource, key, value)
	prefix, sealed := atrest.PrefixOf(value)
	if !sealed && err == nil {
		return object, nil
	}
	g := group{resource, prefix}
	c := e.groups[g]
	switch {
	case c == nil && len(e.groups) == maxGroups:
		c = &e.more
	case c == nil:
		c = &count{}
		g.resource.Group, g.resource.Name = strings.Clone(resource.Group), strings.Clone(resource.Name) // not all of the key
		e.groups[g] = c
	}
	c.all++
	if err != nil {
		if c.refused++; c.refused == 1 {
			c.example, c.err = string(key[:min(len(key), 200)]), err
		}
	}
	return object, err
}

// results has one for each group, or one that says why there are none.
func (e *encryption) results(objects int, prefix string) []Result {
	if len(e.groups) == 0 {
		return []Result{e.nothing(objects, prefix)}
	}
	var list []Result
	for g, c := range e.groups {
		state, why := e.judge(g, c)
		list = append(list, Result{EncryptionConfig, state, why})
	}
	slices.SortFunc(list, func(a, b Result) int { return cmp.Compare(a.Why, b.Why) })
	if e.more.all > 0 {
		r := Result{EncryptionConfig, NotCheckable, fmt.Sprintf(
			"%s of the snapshot have more resources and names of keys than the %d that are told apart",
			many(e.more.all, "value"), maxGroups)}
		if e.more.refused > 0 {
			r.State = Mismatch
			r.Why += fmt.Sprintf(", and %d are refused, such as %q: %v", e.more.refused, e.more.example, e.more.err)
		}
		list = append(list, r)
	}
	return list
}

// nothing is the result if no value is encrypted.
func (e *encryption) nothing(objects int, prefix string) Result {
	switch {
	case objects == 0:
		return Result{EncryptionConfig, NotCheckable, noObjects(prefix)}
	case e.err != nil:
		return Result{EncryptionConfig, NotCheckable, fmt.Sprintf("%s: %v", e.path, e.err)}
	case e.path != "":
		return Result{EncryptionConfig, NotCheckable, fmt.Sprintf(
			"nothing in the snapshot is encrypted, so the keys in %s cannot be tried", e.path)}
	}
	return Result{EncryptionConfig, Match, "nothing in the snapshot is encrypted, and the bundle has no encryption configuration"}
}

// judge says of a group whether the configuration opens it.
func (e *encryption) judge(g group, c *count) (State, string) {
	what := fmt.Sprintf("%s of %s", many(c.all, "value"), printable(g.resource.String()))
	if g.prefix.Kind != "" {
		what += fmt.Sprintf(" encrypted with %s under the name %.63q", g.prefix.Kind, g.prefix.Key)
	}
	var kms *atrest.KMSError
	switch {
	case c.refused == 0:
		return Match, fmt.Sprintf("%s opens %s", e.path, what)
	case g.prefix == atrest.Prefix{} && !errors.Is(c.err, atrest.ErrNoIdentity):
		return NotCheckable, fmt.Sprintf("the snapshot has %s, encrypted in a way that is not known here, such as %q", what, c.example)
	case e.err != nil:
		return Mismatch, fmt.Sprintf("the snapshot has %s, and %s cannot be read: %v", what, e.path, e.err)
	case e.path == "":
		return Mismatch, fmt.Sprintf("the snapshot has %s, and the bundle has no encryption configuration: "+
			"collect the file that kube-apiserver's --encryption-provider-config names", what)
	case errors.As(c.err, &kms):
		return NotCheckable, fmt.Sprintf("the snapshot has %s: %v, so keep its keys as long as the snapshot", what, kms)
	}
	return Mismatch, fmt.Sprintf("%s does not open %d of %s, such as %q: %v", e.path, c.refused, what, c.example, c.err)
}
