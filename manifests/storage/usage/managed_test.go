package usage

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
)

// managers are two managers' fields.
func managers() []metav1.ManagedFieldsEntry {
	fields := func(s string) *metav1.FieldsV1 { return &metav1.FieldsV1{Raw: []byte(s)} }
	return []metav1.ManagedFieldsEntry{
		{Manager: "kubectl", Operation: "Apply", APIVersion: "v1", FieldsV1: fields(`{"f:data":{"f:\"[a]{":{}}}`)},
		{Manager: "controller", Operation: "Update", FieldsV1: fields(`{"f:status":{` + strings.Repeat(" ", 300) + `}}`)},
	}
}

func inStorage(t testing.TB, managed []metav1.ManagedFieldsEntry) []byte {
	t.Helper()
	object := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "a", Generation: 1 << 40, ManagedFields: managed},
		Data:       map[string]string{"managedFields": "of no meaning"},
	}
	object.APIVersion, object.Kind = "v1", "ConfigMap"
	var b bytes.Buffer
	if err := protobuf.NewSerializer(nil, nil).Encode(object, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What they take in protobuf is what the value is shorter without them, but for lengths that are shorter then.
func TestManagedFieldsInProtobuf(t *testing.T) {
	with, without := inStorage(t, managers()), inStorage(t, nil)
	got, want := managedFields(with), len(with)-len(without)
	if got > want || want-got > 4 {
		t.Errorf("managedFields take %d bytes, want %d", got, want)
	}
	if got := managedFields(without); got != 0 {
		t.Errorf("there are none, and they take %d bytes", got)
	}
	for n := range with {
		if got := managedFields(with[:n]); got > n {
			t.Errorf("of %d bytes, they take %d", n, got)
		}
	}
}

func TestManagedFieldsInJSON(t *testing.T) {
	managed, err := json.Marshal(managers())
	if err != nil {
		t.Fatal(err)
	}
	m := string(managed)
	for value, want := range map[string]int{
		`{"metadata":{"annotations":{"a":"\"}\\"},"managedFields":` + m + `,"name":"a"},"spec":{}}`: len(m),
		`{ "x" : [ 1 , {"}":"]"} ] , "metadata" : { "n" : null , "managedFields" : ` + m + "\n} }":  len(m),
		`{"metadata":{"managedFields":` + m + `}`:                                                   len(m), // enough

		` {"metadata":{"managedFields":` + m + `}}`:                       0, // kube-apiserver writes no such thing
		`{"metadata":{"name":"managedFields"},"managedFields":` + m + `}`: 0,
		`{"spec":{"metadata":{"managedFields":` + m + `}}}`:               0,
		`{"metadata":[{"managedFields":[]}]}`:                             0,
		`{"metadata":{"managedFields":` + m:                               0,

		"": 0, "{": 0, `{"`: 0, `{"a\`: 0, `{"a":}`: 0, `{,}`: 0,
		`{"metadata`: 0, `{"metadata"`: 0, `{"metadata":`: 0, `{"metadata":{`: 0,
	} {
		if got := managedFields([]byte(value)); got != want {
			t.Errorf("managedFields take %d bytes, want %d, of %.80s", got, want, value)
		}
	}
}

// FuzzManagedFields has them found where encoding/json finds them, and nothing found beyond a value's end.
func FuzzManagedFields(f *testing.F) {
	f.Add(inStorage(f, managers()))
	for _, s := range []string{
		`{"metadata":{"managedFields":[{"manager":"a"}]}}`, `{"a":"\\\"","metadata":{"x":[{}],"managedFields":[1]}}`,
		"k8s:enc:aescbc:v1:k:x", "k8s\x00\x12\x7f",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		n := managedFields(value)
		if n < 0 || n > len(value) {
			t.Fatalf("%d bytes of %d", n, len(value))
		}
		if !json.Valid(value) || !bytes.HasPrefix(value, []byte("{")) || bytes.Contains(value, []byte(`\`)) {
			return
		}
		var object, metadata, none map[string]json.RawMessage
		if json.Unmarshal(value, &object) != nil || json.Unmarshal(object["metadata"], &metadata) != nil {
			metadata = none
		}
		if got := len(metadata["managedFields"]); got != n && unique(value) {
			t.Errorf("%d bytes, and encoding/json has %d", n, got)
		}
	})
}

// unique reports whether the names that matter are there no more than once: of two, encoding/json takes the last.
func unique(value []byte) bool {
	return bytes.Count(value, []byte(`"metadata"`)) <= 1 && bytes.Count(value, []byte(`"managedFields"`)) <= 1
}
