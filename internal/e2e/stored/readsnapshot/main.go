// Command readsnapshot reads a snapshot of etcd as an embedder of the library would:
//
//	readsnapshot SNAPSHOT list
//	readsnapshot SNAPSHOT decode
//	readsnapshot SNAPSHOT tree DIR
//	readsnapshot SNAPSHOT entries
//
// It lists every key with the kind and the name in its value, brings every object into canonical form, writes them to a new
// tree, or prints the entry of each, and of each that it can't read the key and why, as lines of JSON. It prints how many
// objects there were, the bytes of their values, and how much memory it had at most, in KiB.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/highwater"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: readsnapshot SNAPSHOT list|decode|tree|entries [DIR]")
		os.Exit(2)
	}
	err := read(context.Background(), os.Args[1], os.Args[2], os.Args[3:])
	if err == nil {
		err = highwater.Print()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "readsnapshot:", err)
		os.Exit(1)
	}
}

func read(ctx context.Context, path, what string, dir []string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	snapshot, err := etcdsnap.Open(f, info.Size())
	if err != nil {
		return err
	}
	view, err := snapshot.View(ctx, storage.DefaultPrefix+"/", 0)
	if err != nil {
		return err
	}
	bytes := 0
	keys := counted(view.Keys(ctx), &bytes)
	objects := 0
	switch {
	case what == "list":
		objects, err = list(keys)
	case what == "decode":
		objects, err = dump(ctx, keys, nothing{})
	case what == "entries":
		objects, err = entries(ctx, view)
	case what == "tree" && len(dir) == 1:
		objects, err = toTree(ctx, keys, dir[0])
	default:
		err = errors.New("there is no such way to read it")
	}
	fmt.Println(objects, bytes)
	return err
}

// counted adds up the bytes of the values.
func counted(keys iter.Seq2[*mvccpb.KeyValue, error], bytes *int) iter.Seq2[*mvccpb.KeyValue, error] {
	return func(yield func(*mvccpb.KeyValue, error) bool) {
		for kv, err := range keys {
			if err == nil {
				*bytes += len(kv.Value)
			}
			if !yield(kv, err) {
				return
			}
		}
	}
}

func list(keys iter.Seq2[*mvccpb.KeyValue, error]) (n int, err error) {
	for kv, err := range keys {
		if err != nil {
			return n, err
		}
		meta, err := storage.ReadMeta(kv.Value)
		if err != nil {
			return n, err
		}
		place := storage.Locate(kv.Key, "")
		if place.Use != storage.Object || meta.Kind == "" || meta.Name != place.Key.Name {
			return n, fmt.Errorf("%s is %+v", kv.Key, meta)
		}
		n++
	}
	return n, nil
}

func dump(ctx context.Context, keys iter.Seq2[*mvccpb.KeyValue, error], to manifests.Receiver) (int, error) {
	decoder, err := storage.NewDecoder(storage.Options{})
	if err != nil {
		return 0, err
	}
	defer decoder.Close()
	report, err := decoder.Dump(ctx, keys, manifests.Instant{ResourceVersion: "1"}, to, storage.Selection{})
	if err != nil {
		return 0, err
	}
	if !report.Complete() {
		return 0, fmt.Errorf("not complete: %v", report.Missing())
	}
	if into, ok := to.(*tree.Tree); ok {
		_, err = into.Commit(report)
	}
	return report.Objects, err
}

func toTree(ctx context.Context, keys iter.Seq2[*mvccpb.KeyValue, error], dir string) (int, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	to, err := tree.Open(root, tree.Options{Secrets: tree.Include})
	if err != nil {
		return 0, err
	}
	n, err := dump(ctx, keys, to)
	return n, errors.Join(err, to.Close())
}

// line is what is printed of one key.
type line struct {
	manifests.Entry
	At  string `json:"at,omitempty"` // the key in etcd of what can't be read
	Why string `json:"why,omitempty"`
}

// entries prints a line for each key.
func entries(ctx context.Context, view *etcdsnap.View) (int, error) {
	decoder, err := storage.NewDecoder(storage.Options{})
	if err != nil {
		return 0, err
	}
	defer decoder.Close()
	for kv, err := range view.Below(ctx, storage.DefinitionPrefix("")) {
		if err == nil {
			err = decoder.Learn(kv)
		}
		if err != nil {
			return 0, err
		}
	}
	out := json.NewEncoder(os.Stdout)
	report, err := decoder.Dump(ctx, view.Keys(ctx), manifests.Instant{}, printer{out}, storage.Selection{
		Failed: func(kv *mvccpb.KeyValue, err error) { _ = out.Encode(line{At: string(kv.Key), Why: err.Error()}) },
	})
	if err != nil {
		return 0, err
	}
	return report.Objects, nil
}

// printer is a receiver that prints entries.
type printer struct{ out *json.Encoder }

func (printer) Begin(manifests.Instant) error      { return nil }
func (p printer) Object(o *manifests.Object) error { return p.out.Encode(line{Entry: o.Entry}) }

// nothing is a receiver that keeps nothing.
type nothing struct{}

func (nothing) Begin(manifests.Instant) error  { return nil }
func (nothing) Object(*manifests.Object) error { return nil }
