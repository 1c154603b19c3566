// Command hostilevalues decodes values that were made to take as much memory as they can, as whoever may write to etcd could
// put them there: of each sort from as many elements as 16 MiB hold down to few, which are taken. It dumps them, lists them as
// a side of a comparison, and decodes several at once. It prints how many were taken and how many refused, and how much
// memory it had at most, in KiB.
package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"sync"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/clustersnap/clustersnap/internal/e2e/highwater"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage"
)

func main() {
	err := decode(context.Background())
	if err == nil {
		err = highwater.Print()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "hostilevalues:", err)
		os.Exit(1)
	}
}

func decode(ctx context.Context) error {
	decoder, err := storage.NewDecoder(storage.Options{})
	if err != nil {
		return err
	}
	defer decoder.Close()
	report, err := decoder.Dump(ctx, all(1), manifests.Instant{ResourceVersion: "1"}, nothing{}, storage.Selection{})
	if err != nil {
		return err
	}
	fmt.Println("dumped", report.Objects)
	for _, err := range decoder.Versions(view{}, storage.Selection{}).Entries(ctx) {
		if err != nil {
			return err
		}
	}
	taken, refused := atOnce(decoder)
	fmt.Println("taken", taken, "refused", refused)
	// The namespace is taken, and the managers of one sort only where nothing but entries are read.
	if want := len(sorts); taken != want || refused != 1 || report.Objects != want {
		return errors.New("that is not one of each sort: look at what fits")
	}
	return nil
}

// all yields each value that just fits, and those after it that are full of elements if there are to be any; and the key of a
// namespace, or all keys would begin alike. None is there before it is yielded.
func all(more ...float64) iter.Seq2[*mvccpb.KeyValue, error] {
	return func(yield func(*mvccpb.KeyValue, error) bool) {
		if !yield(&mvccpb.KeyValue{Key: []byte("/registry/namespaces/shop"),
			Value: []byte(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}`), ModRevision: 1}, nil) {
			return
		}
		for _, s := range sorts {
			for _, part := range append([]float64{s.fits}, more...) {
				if !yield(s.kv(part), nil) {
					return
				}
			}
		}
	}
}

// atOnce decodes as many as a comparison does.
func atOnce(decoder *storage.Decoder) (taken, refused int) {
	work := make(chan *mvccpb.KeyValue)
	var wait sync.WaitGroup
	var mu sync.Mutex
	for range 8 {
		wait.Go(func() {
			for kv := range work {
				_, err := decoder.Object(kv)
				mu.Lock()
				if err == nil {
					taken++
				} else {
					refused++
				}
				mu.Unlock()
			}
		})
	}
	for kv := range all() {
		work <- kv
	}
	close(work)
	wait.Wait()
	return taken, refused
}

// view is a snapshot that has them.
type view struct{}

func (view) Keys(context.Context) iter.Seq2[*mvccpb.KeyValue, error] { return all() }
func (view) Revision() int64                                         { return 1 }
func (view) Get(context.Context, string) (*mvccpb.KeyValue, error) {
	return nil, errors.New("not asked for")
}

// nothing is a receiver that keeps nothing.
type nothing struct{}

func (nothing) Begin(manifests.Instant) error  { return nil }
func (nothing) Object(*manifests.Object) error { return nil }
