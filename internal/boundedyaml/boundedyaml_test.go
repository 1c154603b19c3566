package boundedyaml_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/boundedyaml"
)

// bomb is one text and many aliases of it.
func bomb(text, aliases int) []byte {
	return []byte("a: &a " + strings.Repeat("x", text) + "\nb: [" + strings.TrimSuffix(strings.Repeat("*a,", aliases), ",") + "]\n")
}

func TestBombs(t *testing.T) {
	nested := "a0: &a0 [x]\n"
	for i := range 12 {
		nested += fmt.Sprintf("a%d: &a%d [*a%d,*a%d,*a%d,*a%d]\n", i+1, i+1, i, i, i, i)
	}
	for name, document := range map[string][]byte{
		"one text, many aliases": bomb(32<<10, 10_000), "nested": []byte(nested), "of itself": []byte("a: &a [*a]\n"),
		"keys": []byte("a: &a " + strings.Repeat("x", 100_000) + "\nb: [" + strings.Repeat("{*a : 1},", 10_000) + "]\n"),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			var v any
			err := boundedyaml.Unmarshal(document, &v)
			runtime.ReadMemStats(&after)
			if err == nil || v != nil {
				t.Errorf("no error")
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
				t.Errorf("%d bytes of YAML took %d MiB", len(document), took>>20)
			}
		})
	}
}

func TestHonestAliases(t *testing.T) {
	var v struct{ B []string }
	if err := boundedyaml.Unmarshal(bomb(10, 3), &v); err != nil || len(v.B) != 3 || v.B[2] != "xxxxxxxxxx" {
		t.Errorf("%+v, %v", v, err)
	}
	if err := boundedyaml.UnmarshalStrict([]byte("b: [x]\nc: 1\n"), &v); err == nil {
		t.Error("an unknown field")
	}
	if err := boundedyaml.UnmarshalStrict(bomb(1<<20, 20), &v); !errors.Is(err, boundedyaml.ErrRepeats) {
		t.Errorf("error %v", err)
	}
	if err := boundedyaml.Check([]byte("\xfe\xff\x00a")); !errors.Is(err, boundedyaml.ErrNotUTF8) {
		t.Errorf("UTF-16: %v", err)
	}
	if err := boundedyaml.Check([]byte("a: '&x *x'\n")); err != nil {
		t.Errorf("quoted: %v", err)
	}
}
