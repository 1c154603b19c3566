package storage

import (
	"fmt"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

// Labels gives those of the object of a key, which are the caller's. It needs no type. The error wraps [ErrEncrypted],
// [ErrDamaged] or [ErrNotObject].
func (d *Decoder) Labels(kv *mvccpb.KeyValue) (map[string]string, error) {
	v, err := d.read(kv)
	if err != nil {
		return nil, fmt.Errorf("read labels of %s: %w", printable(kv.Key), err)
	}
	return v.labels, nil
}
