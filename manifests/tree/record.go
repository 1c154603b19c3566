package tree

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/clustersnap/clustersnap/manifests"
)

// maxFile bounds what is read of one file. An object has at most some 3 MiB of JSON, which is what etcd and the API server
// take; escapes can make more of it.
const maxFile = 32 << 20

// record is what is known of one object: what the index says, and from "uid" on what the state says.
type record struct {
	manifests.Key
	version, kind string
	class         manifests.Class
	form          form
	size          int64    // of the file
	sum           [32]byte // SHA-256 of the file
	mac           [32]byte // of an encrypted Secret's plain text

	uid, resourceVersion string
	asOf                 string // the instant that it was listed at, if that is not the tree's
	modified             int64  // of the file, in nanoseconds since 1970

	intact bool // the file is there and holds what the record says
	staged bool // the file waits in the stage
}

// newRecord is what an object says of itself.
func newRecord(o *manifests.Object, known words) *record {
	return &record{
		Key: manifests.Key{
			Group: known.one(o.Group), Resource: known.one(o.Resource), Namespace: known.one(o.Namespace), Name: o.Name,
		},
		version: known.one(o.Version), kind: known.one(o.Kind), class: manifests.Class(known.one(string(o.Class))),
		uid: o.UID, resourceVersion: o.ResourceVersion, intact: true,
	}
}

// path is where its file lies, or nothing if it has none.
func (r *record) path() string {
	switch r.form {
	case excluded:
		return ""
	case encrypted:
		return Path(r.Key) + sealedSuffix[len(plainSuffix):]
	default:
		return Path(r.Key)
	}
}

// entry is the record as other packages know it. Its Hash is that of what Saved.Object gives, if that is known.
func (r *record) entry() manifests.Entry {
	e := manifests.Entry{
		Key: r.Key, Version: r.version, Kind: r.kind, Class: r.class, UID: r.uid, ResourceVersion: r.resourceVersion,
	}
	if r.form == plain || r.form == redacted {
		e.Hash = hex.EncodeToString(r.sum[:])
	}
	return e
}

// row is what a state is to say of the record.
func (r *record) row() row { return row{r.uid, r.resourceVersion, r.asOf, r.modified} }

// know completes the record by what a state says.
func (r *record) know(s row) {
	r.uid, r.resourceVersion, r.asOf, r.modified = s.uid, s.resourceVersion, s.asOf, s.modified
}

func (r *record) append(b []byte) []byte {
	b = appendPair(append(b, '{'), "group", r.Group)
	b = appendPair(b, "resource", r.Resource)
	b = appendPair(b, "namespace", r.Namespace)
	b = appendPair(b, "name", r.Name)
	b = appendPair(b, "version", r.version)
	b = appendPair(b, "kind", r.kind)
	b = appendPair(b, "class", string(r.class))
	b = appendPair(b, "secret", string(r.form))
	if r.form != excluded {
		b = append(strconv.AppendInt(appendKey(b, "size"), r.size, 10), `,"sha256":"`...)
		b = append(hex.AppendEncode(b, r.sum[:]), '"')
	}
	if r.form == encrypted {
		b = append(hex.AppendEncode(append(b, `,"hmac":"`...), r.mac[:]), '"')
	}
	return append(b, '}')
}

func parseRecord(line []byte, known words) (*record, error) {
	r := &record{}
	err := eachPair(line, func(key, value []byte) (err error) {
		switch string(key) {
		case "group":
			r.Group = known.of(value)
		case "resource":
			r.Resource = known.of(value)
		case "namespace":
			r.Namespace = known.of(value)
		case "name":
			r.Name = string(value)
		case "version":
			r.version = known.of(value)
		case "kind":
			r.kind = known.of(value)
		case "class":
			r.class = manifests.Class(known.of(value))
		case "secret":
			r.form = form(known.of(value))
		case "size":
			r.size, err = strconv.ParseInt(string(value), 10, 64)
		case "sha256":
			digest(&r.sum, value)
		case "hmac":
			digest(&r.mac, value)
		default:
			err = fmt.Errorf("%.40q is no key of an object", key)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, r.check()
}

// digest reads one. If it is too short, too long or in upper case, it is not what would be written.
func digest(to *[32]byte, text []byte) { hex.Decode(to[:], text[:min(len(text), 64)]) }

// words keeps one copy of what thousands of records say.
type words map[string]string

func (w words) of(text []byte) string {
	if word, ok := w[string(text)]; ok { // which copies nothing
		return word
	}
	return w.one(string(text))
}

func (w words) one(s string) string {
	if word, ok := w[s]; ok {
		return word
	}
	w[s] = s
	return s
}

// check holds for what is read from an index and for what is to go there.
func (r *record) check() error {
	for _, s := range []string{r.Group, r.Resource, r.Namespace, r.Name, r.version, r.kind, string(r.class)} {
		if !utf8.ValidString(s) {
			return fmt.Errorf("%q is no UTF-8", s)
		}
	}
	known := r.form == plain || isSecret(r.Key) && (r.form == excluded || r.form == redacted || r.form == encrypted)
	switch {
	case r.Resource == "" || r.Name == "" || r.version == "" || r.kind == "" || r.class == "":
		return fmt.Errorf("%v: resource, name, version, kind or class is missing", r.Key)
	case !known:
		return fmt.Errorf("%v: %.40q is no way to hold it", r.Key, r.form)
	case r.size < 0 || r.size > maxFile:
		return fmt.Errorf("%v: its file has %d bytes, of at most %d", r.Key, r.size, maxFile)
	}
	return nil
}
