package proof

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
)

// Whatever happens to objects, and wherever the history begins: what is missing in a dump is found if anything shows that
// it was there, and nothing else is found.
func TestAnyHistory(t *testing.T) {
	found := 0
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 9))
		w := filled(t)
		at := int64(0)
		uids := 0
		for range 60 {
			key := fmt.Sprintf("/registry/configmaps/shop/o%d", rng.IntN(12))
			was := w.at(w.revision)[key]
			switch {
			case was == nil:
				uids++
				w.put(key, packed(t, "shop", key[len("/registry/configmaps/shop/"):], fmt.Sprint("uid-", uids)))
			case rng.IntN(3) == 0:
				w.delete(key)
			default:
				w.put(key, was.Value)
			}
			if at == 0 && rng.IntN(30) == 0 {
				at = w.revision
			}
		}
		if at == 0 {
			at = w.revision
		}
		keysAt := at
		switch rng.IntN(3) {
		case 0:
			w.compacted = at + rng.Int64N(w.revision-at+1)
			keysAt = w.revision
		case 1:
			w.compacted = rng.Int64N(at + 1)
		case 2:
			keysAt = 16 + rng.Int64N(at-16+1)
		}
		full := w.dump(t, at)
		var entries []manifests.Entry
		dropped := map[string]bool{}
		for _, e := range full {
			if e.Resource == "configmaps" && rng.IntN(4) == 0 {
				dropped["/registry/configmaps/shop/"+e.Name] = true
				continue
			}
			entries = append(entries, e)
		}
		s := w.store(keysAt)
		p := prove(t, report(at, outcomes()...), entries, s, Options{})
		unsaved := map[string]bool{}
		for _, f := range p.Findings {
			gone := keysAt < at && w.at(at)[f.EtcdKey] == nil // an older snapshot can't show that
			switch {
			case f.Is == Unsaved && !dropped[f.EtcdKey] && !gone:
				t.Errorf("seed %d: %v, and it was not dropped", seed, f)
			case f.Is == Unsaved:
				unsaved[f.EtcdKey] = true
			case f.Is.spoils():
				t.Errorf("seed %d, dump at %d, keys at %d, compacted at %d: %v", seed, at, keysAt, w.compacted, f)
			}
		}
		for key := range dropped {
			must := keysAt == at
			for e := range s.Events(0) { // what is stored of it when the dump was made, or since
				same := string(e.Kv.Key) == key && e.Type != deleted && e.Kv.CreateRevision <= at
				must = must || same && keysAt > at && (e.Kv.ModRevision > at || w.at(at)[key] == e.Kv)
			}
			if kv := w.at(keysAt)[key]; keysAt < at && kv != nil {
				must = true
			}
			if must && !unsaved[key] {
				t.Errorf("seed %d: %s was dropped and not found, dump at %d, keys at %d, compacted at %d",
					seed, key, at, keysAt, w.compacted)
			}
			if must {
				found++
			}
		}
	}
	if found < 300 {
		t.Errorf("only %d were found in all", found)
	}
}
