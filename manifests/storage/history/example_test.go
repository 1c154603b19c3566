package history_test

import (
	"context"
	"fmt"
	"iter"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
	"github.com/clustersnap/clustersnap/manifests/storage/history"
)

// twoWrites stands in for a snapshot of etcd.
type twoWrites struct{ key string }

func (twoWrites) CompactRevision() int64 { return 0 }

func (w twoWrites) Events(context.Context, string, int64) iter.Seq2[*mvccpb.Event, error] {
	const text = `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w","namespace":"shop"},"size":%d}`
	return func(yield func(*mvccpb.Event, error) bool) {
		for n := range int64(2) {
			kv := &mvccpb.KeyValue{
				Key: []byte(w.key), Value: fmt.Appendf(nil, text, n), CreateRevision: 81, ModRevision: 81 + n, Version: 1 + n,
			}
			if !yield(&mvccpb.Event{Kv: kv}, nil) {
				return
			}
		}
	}
}

func Example() {
	decoder, err := storage.NewDecoder(storage.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer decoder.Close()
	key := storage.EtcdKey(manifests.Key{Group: "example.com", Resource: "widgets", Namespace: "shop", Name: "w"}, "")
	for v, err := range history.Of(context.Background(), decoder, twoWrites{key}, key) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(v.Revision, v.Step, v.Object.Kind)
	}
	// Output:
	// 81 created Widget
	// 82 changed Widget
}
