package demonode

import (
	"context"
	"crypto/sha256"
	"slices"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// meddler is a real client behind which somebody writes after each page that is read.
type meddler struct {
	clientv3.KV
	t     *testing.T
	pages int
}

func (m *meddler) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	page, err := m.KV.Get(ctx, key, opts...)
	m.pages++
	if _, err := m.KV.Put(ctx, "/registry/zzz", "late"); err != nil {
		m.t.Error(err)
	}
	return page, err
}

func TestDumpIsOneRevision(t *testing.T) {
	_, client := start(t, 2*pageKeys)
	kv := &meddler{KV: client, t: t}
	records, err := Dump(t.Context(), kv)
	if err != nil {
		t.Fatal(err)
	}
	if kv.pages != 2 || len(records) != 2*pageKeys {
		t.Errorf("%d keys in %d pages, want %d in 2", len(records), kv.pages, 2*pageKeys)
	}
	if _, late := records["/registry/zzz"]; late {
		t.Error("a key written after the first page is in the dump")
	}
}

func TestDumpRecords(t *testing.T) {
	_, client := start(t, 0)
	lease, err := client.Grant(t.Context(), 3600)
	if err != nil {
		t.Fatal(err)
	}
	first, err := client.Put(t.Context(), "\x00", "a")
	if err != nil {
		t.Fatal(err)
	}
	second, err := client.Put(t.Context(), "\x00", "b", clientv3.WithLease(lease.ID))
	if err != nil {
		t.Fatal(err)
	}
	records, err := Dump(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	want := Record{sha256.Sum256([]byte("b")), first.Header.Revision, second.Header.Revision, 2, int64(lease.ID)}
	if len(records) != 1 || records["\x00"] != want {
		t.Errorf("got %v, want %v under the lowest key", records, want)
	}
}

func TestDiff(t *testing.T) {
	record := Record{Value: sha256.Sum256([]byte("a")), CreateRevision: 2, ModRevision: 3, Version: 2}
	edited, moved := record, record
	edited.Value = sha256.Sum256([]byte("b"))
	moved.ModRevision, moved.Lease = 9, 7
	before := map[string]Record{"/same": record, "/moved": record, "/edited": record, "/gone": record}
	after := map[string]Record{"/same": record, "/moved": moved, "/edited": edited, "/new": record}

	want := []string{
		"/edited has another value",
		"/gone is gone",
		"/moved has the same value, but created 2, modified 3, version 2, lease 0 became created 2, modified 9, version 2, lease 7",
		"/new is new",
	}
	if got := Diff(before, after); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := Diff(before, before); len(got) != 0 {
		t.Errorf("a dump differs from itself: %q", got)
	}
}
