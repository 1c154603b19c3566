package etcdsnap_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"hash/crc32"
	"reflect"
	"slices"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap"
	. "github.com/clustersnap/clustersnap/etcdsnap/internal/bolttest"
)

// cluster is what an etcd holds, as a literal.
type cluster struct {
	records []Record
	// resources says where each key is counted.
	resources map[string]string
	others    []Bucket // than "key"
}

// small is one of a Kubernetes cluster that has all that the content tells of.
func small() cluster {
	return cluster{
		records: []Record{
			Put(2, "compact_rev_key", "1"),
			Put(3, "/registry/pods/default/a", "one"),
			{Main: 4, Key: "/registry/pods/default/a", Value: "two, which is longer", Create: 3, Version: 2, Lease: 77},
			Put(5, "/registry/services/specs/default/kubernetes", "spec"),
			{Main: 5, Sub: 1, Key: "/registry/services/endpoints/default/kubernetes", Value: "ends", Create: 5, Version: 1},
			Put(6, "/registry/pods/kube-system/b", "gone soon"),
			Put(7, "/registry/example.com/widgets/default/w", "a widget"),
			Put(8, "/registry/example.com/gadgets/default/w", "a gadget"),
			Put(9, "/registry/events/default/gone", ""),
			Delete(10, "/registry/pods/kube-system/b"),
			{Main: 10, Sub: 1, Key: "/registry/events/default/gone", Tombstone: true},
			Put(11, "/registry/pods/kube-system/b", "back"),
			Put(12, "/elsewhere/pods/c", "not of Kubernetes"),
			Put(13, "/registry/masterleases/10.0.0.1", ""),
			Put(14, "/registry/minions/node-1", "a node"),
			{Main: 15, Key: "/registry/minions/node-1", Value: "the node", Create: 14, Version: 2},
			{Main: 16, Key: "/registry/minions/node-1", Value: "the node!", Create: 14, Version: 3},
		},
		resources: map[string]string{
			"compact_rev_key":                                 "compact_rev_key",
			"/registry/pods/default/a":                        "pods",
			"/registry/pods/kube-system/b":                    "pods",
			"/registry/services/specs/default/kubernetes":     "services/specs",
			"/registry/services/endpoints/default/kubernetes": "services/endpoints",
			"/registry/example.com/widgets/default/w":         "example.com/widgets",
			"/registry/example.com/gadgets/default/w":         "example.com/gadgets",
			"/registry/events/default/gone":                   "events",
			"/elsewhere/pods/c":                               "elsewhere",
			"/registry/masterleases/10.0.0.1":                 "masterleases",
			"/registry/minions/node-1":                        "minions",
		},
		others: []Bucket{
			{Name: "alarm", Inline: true, Items: []Item{
				{Key: []byte("\x08\xcd\xdb\x02\x10\x01")},
				{Key: []byte("\x08\xcd\xdb\x02\x10\x02")},
			}},
			{Name: "auth", Items: []Item{entry("authEnabled", "\x01"), entry("authRevision", "\x00\x00\x00\x00\x00\x00\x00\x09")}},
			{Name: "authRoles"},
			// Names that look like revisions.
			{Name: "authUsers", Items: []Item{entry("customer_readonly", "\x0a\x11customer_readonly"), entry("database_readonly", "x"), entry("root", "y")}},
			{Name: "cluster", Items: []Item{
				entry("clusterVersion", "3.6.0"),
				entry("downgrade", `{"target-version":"3.5.0","enabled":true}`),
			}},
			{Name: "lease", Items: []Item{{Key: number(77), Value: []byte("\x08\x4d\x10\x0f")}}},
			{Name: "members", Items: []Item{entry("8e9e05c52164694d",
				`{"id":10276657743932975437,"peerURLs":["https://10.0.0.11:2380"],"name":"cp1","clientURLs":["https://10.0.0.11:2379"],"isLearner":true}`)}},
			{Name: "members_removed", Inline: true},
			{Name: "meta", Items: []Item{
				entry("confState", `{"voters":[10276657743932975437]}`),
				{Key: []byte("consistent_index"), Value: number(4711)},
				{Key: []byte("finishedCompactRev"), Value: Revision(3, 0, false)},
				{Key: []byte("scheduledCompactRev"), Value: Revision(4, 0, false)},
				entry("storageVersion", "3.6.0"),
				{Key: []byte("term"), Value: number(12)},
			}},
		},
	}
}

func entry(key, value string) Item { return Item{Key: []byte(key), Value: []byte(value)} }

func number(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

// buckets are all, in order.
func (c cluster) buckets() []Bucket {
	all := append(slices.Clone(c.others), Bucket{Name: "key", Items: Items(c.records...)})
	slices.SortFunc(all, func(a, b Bucket) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// with replaces or adds items of a bucket.
func (c cluster) with(bucket string, items ...Item) cluster {
	c.others = slices.Clone(c.others)
	i := slices.IndexFunc(c.others, func(b Bucket) bool { return b.Name == bucket })
	b := &c.others[i]
	b.Items = slices.Clone(b.Items)
	for _, item := range items {
		j, ok := slices.BinarySearchFunc(b.Items, item.Key, func(it Item, key []byte) int { return bytes.Compare(it.Key, key) })
		if ok {
			b.Items[j] = item
		} else {
			b.Items = slices.Insert(b.Items, j, item)
		}
	}
	return c
}

// content is what small is known to have, laid out as db.
func (c cluster) content(db *Database) *etcdsnap.Content {
	return &etcdsnap.Content{
		Revision:        16,
		CompactRevision: 4,
		ConsistentIndex: 4711,
		Term:            12,
		StorageVersion:  "3.6.0",
		ClusterVersion:  "3.6.0",
		Downgrade:       "3.5.0",
		Auth:            true,
		Alarms:          []etcdsnap.Alarm{{MemberID: "adcd", Kind: "NOSPACE"}, {MemberID: "adcd", Kind: "CORRUPT"}},
		Members: []etcdsnap.StoredMember{{
			ID: "8e9e05c52164694d", Name: "cp1", PeerURLs: []string{"https://10.0.0.11:2380"},
			ClientURLs: []string{"https://10.0.0.11:2379"}, Learner: true,
		}},
		InUse:    int64(db.Pages()-len(db.Free)) * int64(db.PageSize),
		Hash:     hashOf(c.buckets()),
		Records:  17,
		Keyspace: c.keyspace(),
	}
}

// keyspace counts the records one by one.
func (c cluster) keyspace() *etcdsnap.Keyspace {
	counts, newest := map[string]*etcdsnap.Usage{}, map[string]Record{}
	for _, r := range c.records {
		name := c.resources[r.Key]
		if counts[name] == nil {
			counts[name] = &etcdsnap.Usage{Resource: name}
		}
		counts[name].Records++
		counts[name].RecordBytes += int64(len(r.Item().Value))
		newest[r.Key] = r
	}
	k := &etcdsnap.Keyspace{}
	for _, r := range newest {
		if !r.Tombstone {
			k.Keys++
			counts[c.resources[r.Key]].Keys++
			counts[c.resources[r.Key]].Bytes += int64(len(r.Item().Value))
		}
	}
	for _, u := range counts {
		k.Resources = append(k.Resources, *u)
	}
	slices.SortFunc(k.Resources, func(a, b etcdsnap.Usage) int {
		return cmp.Or(cmp.Compare(b.RecordBytes, a.RecordBytes), cmp.Compare(a.Resource, b.Resource))
	})
	return k
}

// hashOf is what "etcdutl snapshot status" prints.
func hashOf(buckets []Bucket) uint32 {
	h := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	for _, b := range buckets {
		h.Write([]byte(b.Name))
		for _, item := range b.Items {
			h.Write(item.Key)
			h.Write(item.Value)
		}
	}
	return h.Sum32()
}

// verify verifies a snapshot, and sees to it that a walk through the file finds the same.
func verify(t *testing.T, b []byte, opts etcdsnap.VerifyOptions) etcdsnap.Info {
	t.Helper()
	info, err := etcdsnap.Verify(context.Background(), bytes.NewReader(b), opts)
	if err != nil {
		t.Fatal(err)
	}
	walked, err := open(t, b).Content(context.Background(), opts.Prefix)
	if err != nil || !reflect.DeepEqual(walked, info.Content) {
		t.Fatalf("the file has\n%+v (%v), the stream\n%+v", walked, err, info.Content)
	}
	return info
}

func open(t *testing.T, b []byte) *etcdsnap.Snapshot {
	t.Helper()
	s, err := etcdsnap.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
