package storage

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/internal/atrest"
	"github.com/clustersnap/clustersnap/manifests"
)

// Options say where values come from, and how much of each is wanted. The zero value is a cluster as kubeadm makes it.
type Options struct {
	// Prefix is kube-apiserver's --etcd-prefix. Empty is [DefaultPrefix].
	Prefix string
	// Level is how much is taken out of each object. The zero value is Portable.
	Level manifests.Level
	// Encryption is the EncryptionConfiguration that kube-apiserver had (--encryption-provider-config). Nil leaves encrypted
	// values as they are. It is not kept.
	Encryption []byte
}

// Decoder makes objects of what kube-apiserver stores. [Decoder.Learn] is for one goroutine, before the others; all else is
// for several at once.
type Decoder struct {
	prefix      string
	level       manifests.Level
	encryption  *atrest.Config // nil if there is none
	definitions map[schema.GroupResource]definition
	large       sync.Mutex // is held while a large value is decoded
}

// NewDecoder makes a decoder. Its error is of an EncryptionConfiguration that kube-apiserver would not take, or a level
// that does not exist. The caller closes the decoder.
func NewDecoder(opts Options) (*Decoder, error) {
	d := &Decoder{
		prefix: cmp.Or(opts.Prefix, DefaultPrefix), level: opts.Level,
		definitions: map[schema.GroupResource]definition{},
	}
	if opts.Level != manifests.Portable && opts.Level != manifests.Faithful {
		return nil, fmt.Errorf("make decoder: there is no level %d", opts.Level)
	}
	if opts.Encryption != nil {
		var err error
		if d.encryption, err = atrest.Parse(opts.Encryption); err != nil {
			return nil, fmt.Errorf("make decoder: %w", err)
		}
	}
	return d, nil
}

// Close overwrites the keys. The decoder opens no encrypted value after that.
func (d *Decoder) Close() {
	d.encryption.Clear()
}

// Object gives the object of a key in canonical form, which is the caller's. Its ResourceVersion is the revision that etcd
// last changed the key at, as with an API server.
//
// The error wraps [ErrEncrypted], [ErrUnknownType], [ErrDamaged] or [ErrNotObject], or is a [*LossyError], which has the
// object as far as it is known.
func (d *Decoder) Object(kv *mvccpb.KeyValue) (*manifests.Object, error) {
	var w worker
	object, err := d.object(&w, kv)
	if object != nil {
		alone := *object // or the buffers would live as long as the result
		object = &alone
	}
	return object, err
}

// one has those who decode large values wait for each other. The caller calls what it gives when it has done.
func (d *Decoder) one(kv *mvccpb.KeyValue) (done func()) {
	if len(kv.Value) <= largeValue {
		return func() {}
	}
	d.large.Lock()
	return d.large.Unlock
}

// object is Object. The result is good until the worker makes the next one.
func (d *Decoder) object(w *worker, kv *mvccpb.KeyValue) (*manifests.Object, error) {
	defer d.one(kv)()
	v, err := d.read(kv)
	if err == nil {
		var made *manifests.Object
		if made, err = w.object(v, d.level); err == nil {
			return made, nil
		}
	}
	return nil, fmt.Errorf("decode %s: %w", printable(kv.Key), err)
}

// Entry gives what an index holds of an object, without its hash, for much less than [Decoder.Object] takes. Its class is
// what metadata tells. It needs no type, so that the error is never ErrUnknownType and never a LossyError; of an
// ErrEncrypted and an ErrDamaged one the entry has what the key tells.
func (d *Decoder) Entry(kv *mvccpb.KeyValue) (manifests.Entry, error) {
	defer d.one(kv)()
	var w worker
	v, err := d.read(kv)
	entry := manifests.Entry{Key: v.place.Key}
	if err == nil {
		entry, err = w.entry(v)
	}
	entry.ResourceVersion = revision(kv)
	if err != nil {
		return entry, fmt.Errorf("read metadata of %s: %w", printable(kv.Key), err)
	}
	return entry, nil
}

// Value gives what kube-apiserver encoded, as it stands, and what it tells of itself: the value of a key, or what is in it if it
// is encrypted. It is there for what no object can be made of, and for every key, of an object or not. It is kv's own where
// nothing was encrypted, and not to be changed.
//
// The error wraps [ErrEncrypted], or is of [ReadMeta]; the bytes come with the latter, too.
func (d *Decoder) Value(kv *mvccpb.KeyValue) ([]byte, Meta, error) {
	v, err := d.open(kv)
	if err != nil {
		return v.plain, v.meta, fmt.Errorf("read value of %s: %w", printable(kv.Key), err)
	}
	return v.plain, v.meta, nil
}

// value is one value, opened.
type value struct {
	opened
	place    Place
	resource manifests.Resource // without version and kind until they are read
	orphan   bool               // of a custom resource that no definition was learned for
	at       string             // the revision
}

// opened is what a value tells, whatever its key.
type opened struct {
	meta   Meta
	labels map[string]string
	plain  []byte // decrypted
}

// open decrypts a value if it is encrypted, and reads its metadata.
func (d *Decoder) open(kv *mvccpb.KeyValue) (o opened, err error) {
	o.plain = kv.Value
	if o.meta, o.labels, err = readMeta(o.plain); err != nil || o.meta.Encoding != Encrypted {
		return o, err
	}
	if o.plain, err = d.decrypt(kv, o.meta.Cipher); err == nil {
		o.meta, o.labels, err = readMeta(o.plain)
	}
	return o, err
}

// read finds out what a value is of.
func (d *Decoder) read(kv *mvccpb.KeyValue) (v value, err error) {
	v.at, v.place = revision(kv), Locate(kv.Key, d.prefix)
	v.resource = v.place.resource()
	switch v.place.Use {
	case Internal:
		return v, fmt.Errorf("%w: %s", ErrNotObject, v.place.For)
	case Outside:
		return v, fmt.Errorf("%w: it is not below %s", ErrNotObject, d.prefix)
	}
	if v.opened, err = d.open(kv); err != nil {
		return v, err
	}
	v.place = v.place.With(v.meta)
	if v.place.Use != Object {
		return v, fmt.Errorf("%w: it is below %s, and like nothing that an API server writes there", ErrNotObject, d.prefix)
	}
	return v, v.identify(d)
}

// How long a version and a kind can be, which are labels in the DNS, and a group, which is a name there.
const (
	maxWord  = 63
	maxGroup = 253
)

// identify holds that the value is the key's, and says of which resource it is.
func (v *value) identify(d *Decoder) error {
	key := v.place.Key
	_, version, ok := strings.Cut(v.meta.APIVersion, "/")
	if !ok {
		version = v.meta.APIVersion
	}
	switch {
	case v.meta.Encoding == Opaque || version == "" || v.meta.Kind == "":
		return damaged(errors.New("it is in no encoding of an API server, or without a type"))
	case len(version) > maxWord || len(v.meta.Kind) > maxWord || len(v.meta.APIVersion)-len(version) > maxGroup+1:
		return damaged(fmt.Errorf("its type is longer than any: %.63q, %.63q", v.meta.APIVersion, v.meta.Kind))
	case v.meta.Name != key.Name || v.meta.Namespace != key.Namespace:
		return damaged(fmt.Errorf("it says that it is %.253q in namespace %.253q", v.meta.Name, v.meta.Namespace))
	}
	if err := d.belongs(v); err != nil {
		return err
	}
	v.resource = v.place.resource()
	v.resource.Version, v.resource.Kind = version, v.meta.Kind
	d.learnStatus(v)
	if v.isDefinition() {
		v.resource.Version = definitionListed
	}
	return nil
}

// decrypt opens a value.
func (d *Decoder) decrypt(kv *mvccpb.KeyValue, cipher string) ([]byte, error) {
	if d.encryption == nil {
		return nil, fmt.Errorf("%w by %s: the EncryptionConfiguration of kube-apiserver opens it", ErrEncrypted, cipher)
	}
	resource, _ := atrest.ResourceOf(kv.Key, d.prefix)
	plain, err := d.encryption.Decrypt(resource, kv.Key, kv.Value)
	if err != nil {
		return nil, fmt.Errorf("%w by %s: %w", ErrEncrypted, cipher, err)
	}
	return plain, nil
}

// revision is what the API server gives as metadata.resourceVersion.
func revision(kv *mvccpb.KeyValue) string { return strconv.FormatInt(kv.ModRevision, 10) }

// printable quotes a key that nobody need have written, in part if it is long.
func printable(key []byte) string { return fmt.Sprintf("%.1024q", key) }
