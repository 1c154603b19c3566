package stored

import (
	"bytes"
	"fmt"
	"os/exec"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/highwater"
	"github.com/clustersnap/clustersnap/internal/e2e/ondisk"
)

const teams = 200 // namespaces

// small adds ConfigMaps with little in them to an etcd, from the number from up to the number to.
func small(t testing.TB, client *clientv3.Client, from, to int) {
	t.Helper()
	for i := from; i < to; {
		var ops []clientv3.Op
		for ; i < to && len(ops) < 128; i++ {
			key := fmt.Sprintf("/registry/configmaps/team-%03d/settings-of-some-program-%06d", i%teams, i)
			ops = append(ops, clientv3.OpPut(key, stored(t, &corev1.ConfigMap{
				ObjectMeta: metav1.ObjectMeta{
					Namespace: fmt.Sprintf("team-%03d", i%teams), Name: fmt.Sprintf("settings-of-some-program-%06d", i),
					UID: types.UID(fmt.Sprintf("%08x-7d0c-4a3f-9b57-0c7f3d6f8a11", i)),
				},
				Data: map[string]string{"number": fmt.Sprint(i)},
			})))
		}
		_, err := client.Txn(t.Context()).Then(ops...).Commit()
		must(t, err)
	}
}

// stored gives an object of the core group as kube-apiserver stores it.
func stored(t testing.TB, object runtime.Object) string {
	t.Helper()
	encoder := scheme.Codecs.EncoderForVersion(
		protobuf.NewSerializer(scheme.Scheme, scheme.Scheme), corev1.SchemeGroupVersion)
	var value bytes.Buffer
	must(t, encoder.Encode(object, &value))
	return value.String()
}

// What a tree takes grows little with the objects, the first time as when it is there already: by some 200 bytes for each,
// and as much again for the collector. Most of that are the paths in what a commit tells.
func TestMemoryIsFlat(t *testing.T) {
	t.Parallel()
	const few, many = 20_000, 160_000
	const limit, growth = 150 << 10, 80 << 10 // KiB
	client, read := etcdbed.Start(t, etcdbed.Options{}).Client(t), program(t, "readsnapshot")
	for i := range teams {
		name := fmt.Sprintf("team-%03d", i)
		_, err := client.Put(t.Context(), "/registry/namespaces/"+name, stored(t, &corev1.Namespace{
			ObjectMeta: metav1.ObjectMeta{Name: name},
		}))
		must(t, err)
	}
	small(t, client, 0, few)
	fewer := ondisk.Snapshot(t, client)
	small(t, client, few, many)
	more := ondisk.Snapshot(t, client)
	dirs := map[string]string{fewer: t.TempDir(), more: t.TempDir()}
	for _, what := range []string{"a new tree", "the same tree"} {
		peaks := map[string]int{}
		for snapshot, dir := range dirs {
			peaks[snapshot] = highwater.Of(t, exec.Command(read, snapshot, "tree", dir))
		}
		t.Logf("%s: %d MiB resident at most for %d objects, %d MiB for %d", what, peaks[fewer]>>10, few, peaks[more]>>10, many)
		if peaks[more] > limit || peaks[more]-peaks[fewer] > growth {
			t.Errorf("%s: %d KiB for %d objects, limit %d, and %d KiB for %d, limit %d above that",
				what, peaks[more], many, limit, peaks[fewer], few, growth)
		}
	}
}
