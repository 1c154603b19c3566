package manifests

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/types"
)

// someMetadata are objects in whose metadata there is much and little.
func someMetadata() []metav1.PartialObjectMetadata {
	yes, no := true, false
	fields := &metav1.FieldsV1{Raw: []byte(`{"f:spec":{"f:replicas":{}}}`)}
	now := metav1.NewTime(time.Unix(1767605400, 0))
	var list []metav1.PartialObjectMetadata
	for i, m := range []metav1.ObjectMeta{
		{Name: "plain"},
		{Name: "web", Namespace: "shop", Labels: map[string]string{"app": "web", "empty": ""}, Generation: 300, CreationTimestamp: now},
		{Name: "odd \"\\\t", Namespace: "größe", Annotations: map[string]string{"a": "x\ny\u2028<&>", "b": strings.Repeat("b", 1000)}},
		{Name: `quote"`, Labels: map[string]string{`back\slash`: "größe"}},
		{Name: "owned", OwnerReferences: []metav1.OwnerReference{
			{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "r", UID: "u", Controller: &yes}, {Kind: "Other", Name: "o", Controller: &no}, {Kind: "Third"}}},
		{Name: "managed", Finalizers: []string{"a/b"}, ManagedFields: []metav1.ManagedFieldsEntry{
			{Manager: "kubectl", Operation: "Apply", APIVersion: "v1", Time: &now, FieldsType: "FieldsV1", FieldsV1: fields},
			{Manager: "kubelet", Subresource: "status"}}},
		{Name: "system", ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kube-controller-manager", FieldsV1: fields}}},
		{Name: "reported", ManagedFields: []metav1.ManagedFieldsEntry{
			{Manager: "kube-controller-manager"}, {Manager: "somebody", Subresource: "status"}}},
		{Name: "going", DeletionTimestamp: &now, GenerateName: "g", Labels: map[string]string{"a": "b"}},
	} {
		m.UID, m.ResourceVersion = types.UID(fmt.Sprint("uid-", i)), fmt.Sprint(i+1)
		list = append(list, metav1.PartialObjectMetadata{ObjectMeta: m})
	}
	return list
}

// packedList is a list as a server sends it.
func packedList(t testing.TB, list *metav1.PartialObjectMetadataList) []byte {
	t.Helper()
	list.TypeMeta = metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadataList"}
	var b bytes.Buffer
	if err := protobuf.NewSerializer(nil, nil).Encode(list, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpack gives the entries of a list.
func unpack(r io.Reader, contentType string, resource Resource) (listMeta, []Entry, error) {
	var w worker
	var entries []Entry
	meta, err := w.splitMetadata(r, contentType, func(raw []byte) error {
		o, err := w.entry(raw, resource, Portable)
		if err == nil {
			entries = append(entries, o.Entry)
		}
		return err
	})
	return meta, entries, err
}

// In protobuf the server says the same as in JSON.
func TestMetadataInProtobuf(t *testing.T) {
	left := int64(5)
	list := &metav1.PartialObjectMetadataList{
		ListMeta: metav1.ListMeta{ResourceVersion: "42", Continue: "go on", RemainingItemCount: &left}, Items: someMetadata(),
	}
	packed := packedList(t, list)
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []Resource{
		{Version: "v1", Resource: "pods", Kind: "Pod"}, {Group: "apps", Version: "v1", Resource: "deployments", Kind: "Deployment"},
	} {
		_, want, err := unpack(bytes.NewReader(text), jsonType, r)
		if err != nil {
			t.Fatal(err)
		}
		for name, from := range map[string]io.Reader{
			"whole": bytes.NewReader(packed), "bytes": iotest.OneByteReader(bytes.NewReader(packed)),
			"end with data": iotest.DataErrReader(bytes.NewReader(packed)),
		} {
			meta, got, err := unpack(from, protobufType, r)
			if err != nil || meta.ResourceVersion != "42" || meta.Continue != "go on" || *meta.RemainingItemCount != 5 {
				t.Fatalf("%s: %+v, %v", name, meta, err)
			}
			if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) || len(got) != len(list.Items) {
				t.Errorf("%s: the entries are\n%#v\nwant\n%#v", name, got, want)
			}
		}
	}
	if _, got, err := unpack(bytes.NewReader(packedList(t, &metav1.PartialObjectMetadataList{})), protobufType, Resource{}); err != nil || got != nil {
		t.Errorf("an empty list has %v, %v", got, err)
	}
}

// The list is what is long: an answer that ends before it does is none.
func TestMetadataOfEveryBeginning(t *testing.T) {
	packed := packedList(t, &metav1.PartialObjectMetadataList{Items: someMetadata()[:3]})
	for n := range len(packed) - 4 { // behind the list the wrapping has two fields that are empty
		if _, _, err := unpack(bytes.NewReader(packed[:n]), protobufType, Resource{}); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes of %d: the error is %v, want %v", n, len(packed), err, io.ErrUnexpectedEOF)
		}
	}
}

func TestMetadataRefuses(t *testing.T) {
	whole := string(packedList(t, &metav1.PartialObjectMetadataList{Items: someMetadata()[:1]}))
	const item = "\x0a\x04\x0a\x02ab" // the name ab
	for _, c := range []struct{ name, text, says string }{
		{"other magic", "k9s" + whole[3:], "no object in protobuf"},
		{"no list", magic + "\x1a\x00", "unexpected EOF"},
		{"two lists", whole + whole[4:], "more than one list"},
		{"number", magic + "\x10\x01", "field 2 is no message"},
		{"item longer than the list", magic + "\x12\x04\x12\x06" + item + "\x1a\x00", "ends within a field"},
		{"tag longer than the list", magic + "\x12\x01\x12\x06" + item + "\x1a\x00", "ends within a field"},
		{"list without end", magic + "\x12\xff\xff\xff\xff\xff\xff\xff\x7f", "field 2 is no message"},
		{"bad item", magic + "\x12\x04\x12\x02\x0a\x05", "unexpected EOF"},
		{"nameless", magic + "\x12\x02\x12\x00", "no name"},
	} {
		meta, entries, err := unpack(strings.NewReader(c.text), protobufType, Resource{})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v and the error %v, want %q", c.name, meta, entries, err, c.says)
		}
	}
	// A length is a promise: no memory is taken for it before the bytes are there.
	long := magic + "\x12\xff\xff\xff\x7f\x12\x80\x80\x80\x08" // an item of maxItem
	u := unpacker{r: bufio.NewReader(strings.NewReader(long + strings.Repeat("x", 1000)))}
	if _, err := u.list(nil); !errors.Is(err, io.ErrUnexpectedEOF) || len(u.buf) > firstBuffer {
		t.Errorf("the error is %v, with %d bytes held", err, len(u.buf))
	}
	var large *tooLargeError
	if _, _, err := unpack(strings.NewReader(magic+"\x12\xff\xff\xff\x7f\x12\x81\x80\x80\x08"), protobufType, Resource{}); !errors.As(err, &large) {
		t.Errorf("the error of an item that is too large is %v", err)
	}
}

// FuzzUnpack reads what no server sends.
func FuzzUnpack(f *testing.F) {
	list := someMetadata()
	if len(list) == 0 {
		f.Fatal("no seeds")
	}
	for i := range list {
		f.Add(packedList(f, &metav1.PartialObjectMetadataList{Items: list[i:]}))
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		_, whole, err := unpack(bytes.NewReader(packed), protobufType, Resource{Version: "v1", Resource: "pods", Kind: "Pod"})
		_, bits, other := unpack(iotest.HalfReader(bytes.NewReader(packed)), protobufType, Resource{Version: "v1", Resource: "pods", Kind: "Pod"})
		if (err == nil) != (other == nil) || fmt.Sprintf("%#v", whole) != fmt.Sprintf("%#v", bits) {
			t.Errorf("read at once %v (%v), in halves %v (%v)", whole, err, bits, other)
		}
	})
}

func BenchmarkMetadata(b *testing.B) {
	list := &metav1.PartialObjectMetadataList{}
	for range 500 {
		list.Items = append(list.Items, someMetadata()...)
	}
	packed := packedList(b, list)
	text, err := json.Marshal(list)
	if err != nil {
		b.Fatal(err)
	}
	for name, body := range map[string][]byte{protobufType: packed, jsonType: text} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := unpack(bytes.NewReader(body), name, Resource{Version: "v1", Resource: "pods", Kind: "Pod"}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(list.Items)), "ns/object")
		})
	}
}
