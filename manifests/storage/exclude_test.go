package storage

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/manifests"
)

// What a caller gives to be asked may have a map in it: it is asked by one at a time.
func TestExcludeIsNotCalledAtOnce(t *testing.T) {
	all := []*mvccpb.KeyValue{
		stored(t, "/registry/namespaces/shop", `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}`),
	}
	for i := range 2000 {
		all = append(all, keyed(fmt.Sprintf("/registry/example.com/widgets/w%d", i),
			fmt.Sprintf(`{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w%d"}}`, i)))
	}
	var inside, atOnce atomic.Int64
	s := Selection{Exclude: func(manifests.Resource) bool {
		if inside.Add(1) > 1 {
			atOnce.Add(1)
		}
		runtime.Gosched()
		inside.Add(-1)
		return false
	}}
	to := &received{}
	if _, err := newDecoder(t, Options{}).Dump(t.Context(), each(nil, all...), manifests.Instant{}, to, s); err != nil {
		t.Fatal(err)
	}
	if n := atOnce.Load(); n > 0 || len(to.objects) != len(all) {
		t.Errorf("it was called %d times while it was being called, and %d objects came", n, len(to.objects))
	}
}
