package demonode

import (
	"bytes"
	"fmt"
	"path"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/types"
)

// storable is any Kubernetes object.
type storable interface {
	runtime.Object
	metav1.Object
}

// entry is an object as kube-apiserver stores it: the key /registry/RESOURCE/[NAMESPACE/]NAME, and as value "k8s\x00" with a
// runtime.Unknown around the object's protobuf. The object must say its kind and version. It gets the same creation
// time as all others, and a UID that follows from the key, so that an edit keeps both.
func entry(resource string, object storable) (key, value string, err error) {
	key = path.Join("/registry", resource, object.GetNamespace(), object.GetName())
	object.SetUID(types.UID(uuid.NewSHA1(uuid.NameSpaceURL, []byte(key)).String()))
	object.SetCreationTimestamp(metav1.Date(2026, time.January, 5, 9, 30, 0, 0, time.UTC))
	// Encoding needs neither of the two arguments: they find types when decoding.
	var stored bytes.Buffer
	if err := protobuf.NewSerializer(nil, nil).Encode(object, &stored); err != nil {
		return "", "", fmt.Errorf("encode %s: %w", key, err)
	}
	return key, stored.String(), nil
}
