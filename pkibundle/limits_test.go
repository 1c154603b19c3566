package pkibundle_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap/pkibundle"
)

// manyFiles gives n files of a size under paths of at least pathLen bytes.
func manyFiles(n, size, pathLen int) *pkibundle.Bundle {
	b := &pkibundle.Bundle{}
	for i := range n {
		b.Files = append(b.Files, pkibundle.File{
			Path: strings.Repeat("\u00e9", pathLen/2) + fmt.Sprintf("/%04d", i),
			Mode: 0o600, Owner: pkibundle.Owner{UID: 1 << 31, GID: 1 << 31}, Data: make([]byte, size),
		})
	}
	return b
}

func TestLargestBundleOpens(t *testing.T) {
	id := newHybrid(t)
	b := manyFiles(4096, 4096, 80)
	sealed, m := seal(t, b, id.Recipient(), id.Recipient())
	got, _, err := openWith(bytes.NewReader(sealed), id)
	if err != nil {
		t.Fatalf("bundle of %d bytes: %v", len(sealed), err)
	}
	if !equalFiles(got.Files, b.Files) || len(m.Files) != 4096 {
		t.Error("opened other files than sealed")
	}
}

func TestLimits(t *testing.T) {
	over := manyFiles(16, 1<<20, 10)
	over.Files = append(over.Files, pkibundle.File{Path: "z", Data: []byte("d")})
	tests := map[string]struct {
		b    *pkibundle.Bundle
		want pkibundle.TooLargeError
	}{
		"file":     {manyFiles(1, 1<<20+1, 2), pkibundle.TooLargeError{Path: "\u00e9/0000", What: "file size", Size: 1<<20 + 1, Limit: 1 << 20}},
		"bundle":   {over, pkibundle.TooLargeError{Path: "\u00e9\u00e9\u00e9\u00e9\u00e9/0015", What: "bundle size", Size: 16<<20 + 1, Limit: 16 << 20}},
		"count":    {manyFiles(4097, 0, 2), pkibundle.TooLargeError{Path: "\u00e9/4096", What: "file count", Size: 4097, Limit: 4096}},
		"manifest": {manyFiles(4096, 0, 900), pkibundle.TooLargeError{Path: "manifest.json", What: "manifest size", Size: 4330493, Limit: 4 << 20}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var dst bytes.Buffer
			_, err := sealTo(&dst, test.b, newIdentity(t).Recipient())
			var tooLarge *pkibundle.TooLargeError
			if !errors.As(err, &tooLarge) {
				t.Fatalf("error %v, want a TooLargeError", err)
			}
			if *tooLarge != test.want {
				t.Errorf("error %+v, want %+v", *tooLarge, test.want)
			}
			if !strings.HasPrefix(tooLarge.Error(), test.want.Path+": "+test.want.What) {
				t.Errorf("message %q names neither path nor limit", tooLarge)
			}
			if dst.Len() > 0 {
				t.Errorf("%d bytes written", dst.Len())
			}
		})
	}
}

type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return len(p), nil
}

func TestOpenStopsAtLimit(t *testing.T) {
	src := &endless{}
	_, _, err := openWith(src, age.Identity(newIdentity(t)))
	var tooLarge *pkibundle.TooLargeError
	if !errors.As(err, &tooLarge) || tooLarge.What != "sealed size" {
		t.Errorf("error %v", err)
	}
	if src.read > 41<<20 {
		t.Errorf("%d bytes read", src.read)
	}
}
