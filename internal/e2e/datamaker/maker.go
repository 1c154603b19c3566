package datamaker

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/types"
)

// born is when all objects were created.
var born = time.Date(2026, time.January, 5, 9, 30, 0, 0, time.UTC)

// maker makes the entries of etcd. What it makes of a number follows from the seed alone, in any order, by many
// goroutines.
type maker struct {
	seed  uint64
	text  text
	kinds [1000]kind
}

// entry is one key and its value.
type entry struct {
	key    string
	value  string
	leased bool
}

func newMaker(seed uint64) *maker {
	m := &maker{seed: seed, text: newText(rand.New(rand.NewPCG(seed, 0)))}
	at := 0
	for _, k := range kinds() {
		for range k.share {
			m.kinds[at] = k
			at++
		}
	}
	return m
}

// entry is the i-th object after some edits, as kube-apiserver stores it: "k8s\x00" and a runtime.Unknown around the
// object's protobuf (k8s.io/apimachinery/pkg/runtime/serializer/protobuf).
func (m *maker) entry(i, edit int) (entry, error) {
	shape := rand.New(rand.NewPCG(m.seed, uint64(i)))
	k := m.kinds[shape.IntN(len(m.kinds))]
	meta := metav1.ObjectMeta{
		Namespace:         fmt.Sprintf("team-%03d", shape.IntN(200)),
		Name:              fmt.Sprintf("app-%d-%d", i%50, i),
		UID:               types.UID(fmt.Sprintf("%08x-0000-4000-8000-%012x", shape.Uint32(), i)),
		CreationTimestamp: metav1.NewTime(born),
		Generation:        int64(edit + 1),
		Labels:            map[string]string{"app.kubernetes.io/name": fmt.Sprintf("app-%d", i%50)},
	}
	size := k.low + shape.IntN(k.high-k.low)
	content := rand.New(rand.NewPCG(m.seed+uint64(edit)+1, uint64(i)))
	object := k.make(meta, draft{content, m.text, size})
	var stored bytes.Buffer
	// Encoding needs neither of the two arguments: they find types when decoding.
	if err := protobuf.NewSerializer(nil, nil).Encode(object, &stored); err != nil {
		return entry{}, fmt.Errorf("encode %s %s: %w", k.resource, meta.Name, err)
	}
	return entry{path.Join("/registry", k.resource, meta.Namespace, meta.Name), stored.String(), k.leased}, nil
}
