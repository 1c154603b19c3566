package proofs

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"time"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/manifests/storage/proof"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// inSet holds that a backup set carries the tree and its proof, and gives both back.
func (s *scene) inSet(p *proof.Proof) {
	s.Helper()
	var b bytes.Buffer
	set := clustersnap.NewWriter(&b, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	saved, err := tree.Read(os.DirFS(s.dir))
	must(s, err)
	must(s, set.Add("manifests.tar.zst", nil, clustersnap.Compressed(saved.Pack)))
	must(s, set.Add("proof.json", nil, func(w io.Writer) error { return json.NewEncoder(w).Encode(p) }))
	must(s, set.Close())
	opened, err := clustersnap.Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	must(s, err)
	must(s, opened.Verify(s.ctx))
	r, err := opened.Open("proof.json")
	must(s, err)
	defer r.Close()
	again, err := proof.Read(r)
	must(s, err)
	got, want := text(s, again), text(s, p)
	if got != want {
		s.Errorf("the set gives %s back, want %s", got, want)
	}
}

func text(s *scene, p *proof.Proof) string {
	s.Helper()
	b, err := json.Marshal(p)
	must(s, err)
	return string(b)
}
