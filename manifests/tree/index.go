package tree

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"
	"unique"

	"github.com/clustersnap/clustersnap/manifests"
)

const (
	formatVersion = 1
	indexName     = "index.json"

	// maxFile bounds what is read of one file. An object has at most some 3 MiB of JSON, which is what etcd and the API
	// server take; escapes can make more of it.
	maxFile = 32 << 20
)

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

// index is the file that git sees: nothing in it changes unless an object does, or what could be listed.
type index struct {
	selection manifests.Selection
	secrets   Secrets
	outcomes  []manifests.Outcome // without what changes from one dump to the next
	records   []*record           // sorted by key
}

func (ix *index) write(w io.Writer) error {
	p := newPrinter(w)
	p.field("selection", appendSelection(nil, ix.selection))
	p.field("secrets", appendString(nil, ix.secrets.String()))
	p.list("resources", ",", len(ix.outcomes), func(b []byte, i int) []byte { return appendOutcome(b, &ix.outcomes[i]) })
	p.list("objects", "", len(ix.records), func(b []byte, i int) []byte { return ix.records[i].append(b) })
	return p.end()
}

// readIndex trusts nothing. There is one way to write an index, so each line is written again and held against what was
// read: then no other reader can take it for something else.
func readIndex(r io.Reader) (*index, error) {
	l := newLines(r)
	if err := l.begin(); err != nil {
		return nil, err
	}
	ix := &index{}
	if err := ix.readHeader(l); err != nil {
		return nil, err
	}
	if err := l.list("resources", ",", func(item []byte) error {
		var o manifests.Outcome
		if err := json.Unmarshal(item, &o); err != nil {
			return err
		}
		ix.outcomes = append(ix.outcomes, o)
		return same(item, appendOutcome(nil, &o))
	}); err != nil {
		return nil, err
	}
	if err := l.list("objects", "", func(item []byte) error {
		next, err := parseRecord(item)
		if err != nil {
			return err
		}
		if n := len(ix.records); n > 0 && ix.records[n-1].Compare(next.Key) >= 0 {
			return fmt.Errorf("%v is there twice or out of order", next.Key)
		}
		ix.records = append(ix.records, next)
		return nil
	}); err != nil {
		return nil, err
	}
	return ix, l.end()
}

func (ix *index) readHeader(l *lines) error {
	value, err := l.field("selection")
	if err != nil {
		return err
	}
	if ix.selection, err = parseSelection(value); err != nil {
		return l.wrong("%w", err)
	}
	if value, err = l.field("secrets"); err != nil {
		return err
	}
	secrets, ok := parseSecrets(string(bytes.Trim(value, `"`)))
	if !ok || string(value) != `"`+secrets.String()+`"` {
		return l.wrong("%.40q is no way to treat Secrets", value)
	}
	ix.secrets = secrets
	return nil
}

// same refuses a line that is not as it would be written.
func same(line, written []byte) error {
	if !bytes.Equal(line, written) {
		return errors.New("it is not as it would be written: a key or a value is unknown, there twice or out of order")
	}
	return nil
}

func appendSelection(b []byte, s manifests.Selection) []byte {
	b = appendPair(append(b, '{'), "level", levelNames[s.Level])
	b = appendPair(b, "labelSelector", s.LabelSelector)
	if len(s.Classes) > 0 {
		b = append(appendKey(b, "classes"), '[')
		for i, c := range s.Classes {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, string(c))
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

var levelNames = [...]string{manifests.Portable: "portable", manifests.Faithful: "faithful"}

func parseSelection(line []byte) (manifests.Selection, error) {
	var raw struct {
		Level         string
		LabelSelector string
		Classes       []manifests.Class
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return manifests.Selection{}, err
	}
	level := slices.Index(levelNames[:], raw.Level)
	if level < 0 {
		return manifests.Selection{}, fmt.Errorf("%.40q is no level", raw.Level)
	}
	s := manifests.Selection{Level: manifests.Level(level), LabelSelector: raw.LabelSelector, Classes: raw.Classes}
	return s, same(line, appendSelection(nil, s))
}

// appendOutcome leaves out what changes though no object does.
func appendOutcome(b []byte, o *manifests.Outcome) []byte {
	b = appendPair(append(b, '{'), "group", o.Group)
	b = appendPair(b, "version", o.Version)
	b = appendPair(b, "resource", o.Resource.Resource)
	b = appendPair(b, "kind", o.Kind)
	b = appendTrue(b, "namespaced", o.Namespaced)
	b = appendTrue(b, "status", o.Status)
	b = appendPair(b, "namespace", o.Namespace)
	return append(appendPair(b, "state", string(o.State)), '}')
}

func appendTrue(b []byte, key string, value bool) []byte {
	if !value {
		return b
	}
	return append(appendKey(b, key), "true"...)
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

func parseRecord(line []byte) (*record, error) {
	var raw struct {
		Group, Resource, Namespace, Name, Version, Kind string
		Class                                           manifests.Class
		Secret                                          form
		Size                                            int64
		SHA256, HMAC                                    string
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return nil, err
	}
	key := manifests.Key{
		Group: intern(raw.Group), Resource: intern(raw.Resource), Namespace: intern(raw.Namespace), Name: raw.Name,
	}
	r := &record{
		Key: key, version: intern(raw.Version), kind: intern(raw.Kind), class: intern(raw.Class),
		form: intern(raw.Secret), size: raw.Size,
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	// Digests that are too short or too long, or in upper case, are not what would be written.
	hex.Decode(r.sum[:], []byte(raw.SHA256[:min(len(raw.SHA256), 64)]))
	hex.Decode(r.mac[:], []byte(raw.HMAC[:min(len(raw.HMAC), 64)]))
	return r, same(line, r.append(make([]byte, 0, len(line))))
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

// intern keeps one copy of what thousands of records say.
func intern[S comparable](s S) S { return unique.Make(s).Value() }
