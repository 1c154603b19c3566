package diff_test

import (
	"testing"

	"github.com/clustersnap/clustersnap/manifests/diff"
)

func TestThreeWays(t *testing.T) {
	const none = ""
	for _, c := range []struct{ name, base, a, b, want string }{
		{"nobody", `{x: 1}`, `{x: 1}`, `{x: 1}`, ``},
		{"a", `{x: 1}`, `{x: 2}`, `{x: 1}`, `changed by a
  spec.x changed by a base=1 a=2 b=1`},
		{"b", `{x: 1}`, `{x: 1}`, `{x: 2}`, `changed by b
  spec.x changed by b base=1 a=1 b=2`},
		{"both the same", `{x: 1}`, `{x: 2}`, `{x: 2}`, `changed by same
  spec.x changed by same base=1 a=2 b=2`},
		{"both otherwise", `{x: 1}`, `{x: 2}`, `{x: 3}`, `changed by conflict
  spec.x changed by conflict base=1 a=2 b=3`},
		{"each a field", `{x: 1, xx: 1}`, `{x: 2, xx: 1}`, `{x: 1, xx: 2}`, `changed by both
  spec.x changed by a base=1 a=2 b=1
  spec.xx changed by b base=1 a=1 b=2`},
		{"one field of many in conflict", `{x: 1, xx: 1, z: 1}`, `{x: 2, xx: 2, z: 1}`, `{x: 2, xx: 3, z: 2}`,
			`changed by conflict
  spec.x changed by same base=1 a=2 b=2
  spec.xx changed by conflict base=1 a=2 b=3
  spec.z changed by b base=1 a=1 b=2`},
		{"added by a", `{}`, `{x: 1}`, `{}`, `changed by a
  spec.x added by a a=1`},
		{"removed by b", `{x: 1}`, `{x: 1}`, `{}`, `changed by b
  spec.x removed by b base=1 a=1`},
		{"removed by both", `{x: 1}`, `{}`, `{}`, `changed by same
  spec.x removed by same base=1`},
		{"removed by a, changed by b", `{x: {xx: 1}}`, `{}`, `{x: {xx: 2}}`, `changed by conflict
  spec.x changed by conflict base={"xx":1} b={"xx":2}`},
		{"changed by a, removed by b", `{x: {xx: 1}}`, `{x: {xx: 2}}`, `{}`, `changed by conflict
  spec.x changed by conflict base={"xx":1} a={"xx":2}`},
		{"removed by a", `{x: 1}`, `{}`, `{x: 1}`, `changed by a
  spec.x removed by a base=1 b=1`},
		{"both added, not the same", `{}`, `{x: {xx: 1, z: 1}}`, `{x: {xx: 1, z: 2}}`, `changed by conflict
  spec.x.xx added by same a=1 b=1
  spec.x.z added by conflict a=1 b=2`},
		{"elements", `{l: [{name: p, v: 1}, {name: q, v: 1}]}`, `{l: [{name: p, v: 2}, {name: q, v: 1}]}`,
			`{l: [{name: r}, {name: p, v: 1}]}`, `changed by both
  spec.l[name=p].v changed by a base=1 a=2 b=1
  spec.l[name=q] removed by b base={"name":"q","v":1} a={"name":"q","v":1}
  spec.l[name=r] added by b b={"name":"r"}`},
		{"order", `{l: [{name: p}, {name: q}]}`, `{l: [{name: q}, {name: p}]}`, `{l: [{name: p}, {name: q}]}`, `changed by a
  spec.l reordered by a base=["name=p","name=q"] a=["name=q","name=p"] b=["name=p","name=q"]`},
		{"order of a list that both added", `{}`, `{l: [{name: p, v: 1}, {name: q}]}`, `{l: [{name: p, v: 2}, {name: q}]}`,
			`changed by conflict
  spec.l[name=p].name added by same a="p" b="p"
  spec.l[name=p].v added by conflict a=1 b=2
  spec.l[name=q] added by same a={"name":"q"} b={"name":"q"}`},
		{"two orders of a list that both added", `{}`, `{l: [{name: p}, {name: q}]}`, `{l: [{name: q}, {name: p}]}`,
			`changed by conflict
  spec.l[name=p] added by same a={"name":"p"} b={"name":"p"}
  spec.l[name=q] added by same a={"name":"q"} b={"name":"q"}
  spec.l reordered by conflict a=["name=p","name=q"] b=["name=q","name=p"]`},
		{"list without keys", `{l: [1, 2]}`, `{l: [1, 2, 3]}`, `{l: [0, 1, 2]}`, `changed by conflict
  spec.l changed by conflict base=[1,2] a=[1,2,3] b=[0,1,2]`},
		{"object added by a", none, `{x: 1}`, none, `added by a`},
		{"object added by both", none, `{x: 1}`, `{x: 1}`, `added by same`},
		{"object added by both, not the same", none, `{x: 1}`, `{x: 2}`, `added by conflict
  apiVersion added by same a="example.org/v1" b="example.org/v1"
  kind added by same a="Thing" b="Thing"
  metadata added by same a={"name":"x","namespace":"default"} b={"name":"x","namespace":"default"}
  spec.x added by conflict a=1 b=2`},
		{"object removed by b", `{x: 1}`, `{x: 1}`, none, `removed by b`},
		{"object removed by both", `{x: 1}`, none, none, `removed by same`},
		{"object removed by a, changed by b", `{x: 1}`, none, `{x: 2}`, `changed by conflict`},
	} {
		side := func(spec string) diff.Side {
			if spec == none {
				return files(t, "")
			}
			return files(t, thing(spec))
		}
		changes, summary := compare(t, side(c.a), side(c.b), diff.Options{Base: side(c.base)})
		want := ""
		if c.want != "" {
			want = "things.example.org/x -n default " + c.want + "\n"
		} else if summary.Same != 1 {
			t.Errorf("%s: the summary is %+v", c.name, *summary)
		}
		if got := said(changes); got != want {
			t.Errorf("%s: the changes are\n%swant\n%s", c.name, got, want)
		}
	}
}

// The base stands in for the sides that are like it.
func TestThreeWaysReadLittle(t *testing.T) {
	base := (&view{}).add(named("moved", "1", "", ""), "v").add(named("same", "s", "", ""), "v")
	a := (&view{}).add(named("moved", "1", "", ""), "not to be read").add(named("same", "s", "", ""), "v")
	b := (&view{}).add(named("moved", "2", "", ""), "w").add(named("same", "s", "", ""), "v")
	changes, summary := compare(t, a, b, diff.Options{Base: base})
	wantSaid(t, changes, `configmaps/moved changed by b
  data.k changed by b base="v" a="v" b="w"
`)
	if summary.Read != 2 || summary.Same != 1 {
		t.Errorf("the summary is %+v", *summary)
	}
}
