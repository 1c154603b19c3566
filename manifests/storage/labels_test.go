package storage

import (
	"errors"
	"maps"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

func TestLabels(t *testing.T) {
	d := newDecoder(t, Options{})
	got, err := d.Labels(stored(t, "/registry/deployments/shop/web", web))
	if err != nil || !maps.Equal(got, map[string]string{"app": "web"}) {
		t.Errorf("the labels are %v (%v)", got, err)
	}
	for key, want := range map[string]error{
		"/registry/secrets/shop/s": ErrEncrypted, "/registry/masterleases/10.0.0.1": ErrNotObject,
		"/registry/deployments/shop/other": ErrDamaged,
	} {
		kv := stored(t, key, web)
		if want == ErrEncrypted {
			kv = &mvccpb.KeyValue{Key: []byte(key), Value: []byte("k8s:enc:secretbox:v1:key1:abc")}
		}
		if got, err := d.Labels(kv); !errors.Is(err, want) || got != nil {
			t.Errorf("of %s the labels are %v, and the error is %v", key, got, err)
		}
	}
}
