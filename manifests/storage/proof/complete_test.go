package proof

import (
	"testing"

	"github.com/clustersnap/clustersnap/manifests"
)

const (
	mapA    = "/registry/configmaps/shop/a"
	mapB    = "/registry/configmaps/shop/b"
	widgetA = "/registry/example.com/widgets/shop/w"
	system  = "/registry/namespaces/kube-system"
)

// filled is a world with some objects and all that is no object.
func filled(t testing.TB) *world {
	t.Helper()
	w := newWorld()
	w.put("compact_rev_key", []byte("9"))
	w.put(system, packedAs(t, "v1", "Namespace", "", "kube-system", "uid-of-cluster", nil))
	w.put(mapA, packed(t, "shop", "a", "uid-a"))
	w.put(widgetA, object("example.com/v1", "Widget", "shop", "w", "uid-w"))
	w.put("/registry/masterleases/10.0.0.1", packedAs(t, "v1", "Endpoints", "", "", "", nil))
	w.put("/registry/peerserverleases/cp1", packedAs(t, "v1", "Endpoints", "", "", "", nil))
	w.put("/registry/ranges/servicenodeports", packedAs(t, "v1", "RangeAllocation", "", "", "", nil))
	return w
}

// always are the findings that a filled world has.
var always = []string{
	"outside compact_rev_key: when to compact", "internal /registry/masterleases: address",
	"internal /registry/peerserverleases: ", "internal /registry/ranges: node ports",
}

// Each row of the classification, at the revision of the dump. A case changes a filled world and what was dumped of it.
func TestExact(t *testing.T) {
	type side struct {
		*world
		report  *manifests.Report
		entries []manifests.Entry
		opts    Options
	}
	entry := func(key manifests.Key, rv string) manifests.Entry {
		return manifests.Entry{Key: key, UID: "uid-x", ResourceVersion: rv}
	}
	outcome := func(group, resource string, state manifests.State) manifests.Outcome {
		r := manifests.Resource{Group: group, Version: "v1", Resource: resource, Kind: "Any", Namespaced: true}
		return manifests.Outcome{Resource: r, State: state}
	}
	for name, c := range map[string]struct {
		before func(*world)
		after  func(*side)
		want   []string
	}{
		"all is there": {},
		"dropped": {after: func(s *side) { s.entries = without(s.entries, "a") },
			want: []string{"unsaved a: its kind was listed, and it is not in the dump"}},
		"dropped custom resource": {after: func(s *side) { s.entries = without(s.entries, "w") },
			want: []string{"unsaved w: its kind was listed"}},
		"no version is served": {
			before: func(w *world) {
				w.put("/registry/hidden.example.com/secrecies/shop/s", object("hidden.example.com/v1", "Secrecy", "shop", "s", "uid-s"))
			},
			after: func(s *side) {
				o := outcome("hidden.example.com", "secrecies", manifests.Unserved)
				o.Why = "no version that is served"
				s.report.Outcomes = append(s.report.Outcomes, o)
			},
			want: []string{"unsaved s: its kind was not listed: served by none: no version that is served"},
		},
		"no version is served and there is none": {after: func(s *side) {
			s.report.Outcomes = append(s.report.Outcomes, outcome("hidden.example.com", "secrecies", manifests.Unserved))
		}},
		"of an API that was removed": {
			before: func(w *world) {
				w.put("/registry/podsecuritypolicy/strict", packedAs(t, "policy/v1beta1", "PodSecurityPolicy", "", "strict", "uid-p", nil))
			},
			want: []string{"unsaved strict: no API server showed its kind"},
		},
		"of a definition that is gone": {
			before: func(w *world) {
				w.put("/registry/gone.example.com/things/shop/t", object("gone.example.com/v1", "Thing", "shop", "t", "uid-t"))
			},
			want: []string{"unsaved t: no API server showed its kind"},
		},
		"like nothing": {
			before: func(w *world) { w.put("/registry/what/is/this/key", []byte("?")) },
			want:   []string{"unsaved /registry/what/is/this/key: nothing that an API server is known to write"},
		},
		"like nothing and not text": {
			before: func(w *world) { w.put("/registry/\xff\x1b[2J", nil) },
			want:   []string{`unsaved /registry/\xff\x1b[2J: nothing that an API server is known to write`},
		},
		"another program's": {
			before: func(w *world) { w.put("/calico/a", nil); w.put("/calico/b", nil) },
			want:   []string{"outside /calico: another program"},
		},
		"forbidden": {
			before: func(w *world) { w.put("/registry/pods/shop/p", packedAs(t, "v1", "Pod", "shop", "p", "uid-p", nil)) },
			after: func(s *side) {
				s.report.Outcomes = append(s.report.Outcomes, outcome("", "pods", manifests.Forbidden))
			},
			want: []string{"unsaved p: its kind was not listed: forbidden"},
		},
		"forbidden and nowhere in this etcd": {
			after: func(s *side) {
				s.report.Outcomes = append(s.report.Outcomes,
					outcome("", "pods", manifests.Forbidden), outcome("far.example.com", "*", manifests.Failed))
			},
			want: []string{"unchecked pods: forbidden", "unchecked *: failed"},
		},
		"excluded kind": {
			before: func(w *world) {
				w.put("/registry/leases/shop/l", packedAs(t, "coordination.k8s.io/v1", "Lease", "shop", "l", "uid-l", nil))
				w.put("/registry/leases/shop/m", packedAs(t, "coordination.k8s.io/v1", "Lease", "shop", "m", "uid-m", nil))
			},
			after: func(s *side) {
				s.report.Outcomes = append(s.report.Outcomes, outcome("coordination.k8s.io", "leases", manifests.Excluded))
			},
			want: []string{"excluded leases: told to leave out its kind"},
		},
		"other namespaces": {
			before: func(w *world) { w.put("/registry/configmaps/other/o", packed(t, "other", "o", "uid-o")) },
			after: func(s *side) {
				s.entries = without(without(s.entries, "o"), "kube-system")
				for i := range s.report.Outcomes {
					o := &s.report.Outcomes[i]
					if o.Namespace = "shop"; !o.Namespaced {
						o.Namespace, o.State = "", manifests.Excluded
					}
				}
			},
			want: []string{"excluded configmaps: limited to other namespaces", "excluded namespaces: told to leave out"},
		},
		"other namespaces, of kinds that no API server shows": {
			before: func(w *world) {
				for _, kind := range []string{"orphans", "hidden"} {
					for _, in := range []string{"shop/in", "other/out", "far"} { // the last has no namespace
						w.put("/registry/gone.example.com/"+kind+"/"+in, nil)
					}
				}
			},
			after: func(s *side) {
				s.entries = without(s.entries, "kube-system")
				for i := range s.report.Outcomes {
					o := &s.report.Outcomes[i]
					if o.Namespace = "shop"; !o.Namespaced {
						o.Namespace, o.State = "", manifests.Excluded
					}
				}
				s.report.Outcomes = append(s.report.Outcomes, outcome("gone.example.com", "hidden", manifests.Unserved))
			},
			want: []string{"unsaved in: no API server showed its kind", "unsaved in: served by none",
				"excluded orphans: limited to other namespaces", "excluded hidden: limited to other namespaces",
				"excluded namespaces: told to leave out"},
		},
		"a namespace that lacked rights": {
			before: func(w *world) { w.put("/registry/configmaps/other/o", packed(t, "other", "o", "uid-o")) },
			after: func(s *side) {
				s.entries = without(s.entries, "o")
				for i := range s.report.Outcomes {
					if o := &s.report.Outcomes[i]; o.Namespaced {
						o.Namespace = "shop"
					}
				}
			},
			want: []string{"unsaved o: its namespace was not listed"},
		},
		"another state": {
			after: func(s *side) { s.entries[1].ResourceVersion = "11" },
			want:  []string{"differs a: last changed at 12, and the dump has another state"},
		},
		"kept from an earlier dump": {
			after: func(s *side) {
				s.entries[1].ResourceVersion = "11"
				s.entries = append(s.entries, entry(manifests.Key{Resource: "configmaps", Namespace: "shop", Name: "old"}, "5"))
				s.report.Outcomes[1].State, s.report.Outcomes[1].Why = manifests.Failed, "not today"
			},
			want: []string{"differs a: an older state of it: its kind was not listed: failed: not today",
				"deleted old: kept it from an earlier one"},
		},
		"another uid": {
			after: func(s *side) { s.entries[1].UID = "uid-z" },
			want:  []string{"differs a: two histories of one cluster"},
		},
		"a state that is newer than the dump": {
			after: func(s *side) { s.entries[1].ResourceVersion = "99" },
			want:  []string{"differs a: last changed at 12, and the dump has another state"},
		},
		"only in the dump": {
			after: func(s *side) {
				s.entries = append(s.entries, entry(manifests.Key{Resource: "configmaps", Namespace: "shop", Name: "x"}, "11"))
			},
			want: []string{"unstored x: etcd has no such key"},
		},
		"of another store": {
			after: func(s *side) {
				o := outcome("metrics.example.com", "gauges", manifests.Listed)
				o.Clock = "77"
				s.report.Outcomes = append(s.report.Outcomes, o)
				for _, name := range []string{"g", "h"} {
					key := manifests.Key{Group: "metrics.example.com", Resource: "gauges", Namespace: "shop", Name: name}
					s.entries = append(s.entries, entry(key, "70"))
				}
			},
			want: []string{"elsewhere gauges: of another store, and was listed as of 77"},
		},
		"left behind in this store": {
			before: func(w *world) {
				w.put("/registry/events/shop/e", packedAs(t, "v1", "Event", "shop", "e", "uid-e", nil))
			},
			after: func(s *side) {
				o := outcome("events.k8s.io", "events", manifests.Listed)
				o.Clock = "77"
				s.report.Outcomes = append(s.report.Outcomes, o)
			},
			want: []string{"unsaved e: listed in another store"},
		},
		"computed": {
			after: func(s *side) {
				s.report.Outcomes = append(s.report.Outcomes, outcome("", "componentstatuses", manifests.NotStored))
				s.entries = append(s.entries, entry(manifests.Key{Resource: "componentstatuses", Name: "etcd-0"}, ""))
			},
			want: []string{"elsewhere componentstatuses: computed on request"},
		},
		"events listed in the core group": {
			before: func(w *world) {
				w.put("/registry/events/shop/e", packedAs(t, "v1", "Event", "shop", "e", "uid-e", nil))
			},
			after: func(s *side) {
				s.report.Outcomes = append(s.report.Outcomes,
					outcome("events.k8s.io", "events", manifests.Excluded), outcome("", "events", manifests.Listed))
				e := entry(manifests.Key{Resource: "events", Namespace: "shop", Name: "e"}, "17")
				e.UID = "uid-e"
				s.entries = append(s.entries, e)
			},
		},
		"an event that was lost from the core group": {
			before: func(w *world) {
				w.put("/registry/events/shop/e", packedAs(t, "v1", "Event", "shop", "e", "uid-e", nil))
			},
			after: func(s *side) {
				s.report.Outcomes = append(s.report.Outcomes,
					outcome("events.k8s.io", "events", manifests.Excluded), outcome("", "events", manifests.Listed))
			},
			want: []string{"unsaved e: its kind was listed, and it is not in the dump"},
		},
		"listed at one version and not at another": {
			after: func(s *side) {
				s.report.Outcomes = append(s.report.Outcomes, outcome("", "configmaps", manifests.Failed))
				s.entries = without(s.entries, "a")
			},
			want: []string{"unsaved a: its kind was listed, and it is not in the dump"},
		},
		"of a group whose server is dead": {
			before: func(w *world) {
				w.put("/registry/dead.example.com/things/shop/t", object("dead.example.com/v1", "Thing", "shop", "t", "uid-t"))
			},
			after: func(s *side) {
				o := outcome("dead.example.com", "*", manifests.Failed)
				o.Why = "nobody answers"
				s.report.Outcomes = append(s.report.Outcomes, o)
			},
			want: []string{"unsaved t: no API server showed its kind, and *.dead.example.com: failed: nobody answers",
				"unchecked *: failed: nobody answers"},
		},
		"encrypted, and the same name and number elsewhere": {
			before: func(w *world) { w.put("/registry/secrets/shop/s", []byte("k8s:enc:secretbox:v1:key1:abc")) },
			after: func(s *side) {
				o := outcome("far.example.com", "gauges", manifests.Listed)
				o.Clock = "17"
				s.report.Outcomes = append(s.report.Outcomes, o)
				gauge := manifests.Key{Group: "far.example.com", Resource: "gauges", Namespace: "shop", Name: "s"}
				s.entries = append(without(s.entries, "s"), entry(gauge, "17"))
			},
			want: []string{"unsaved s: its kind was listed", "elsewhere gauges: of another store"},
		},
		"a kind that is newer than this library": {
			before: func(w *world) {
				w.put("/registry/novelties/shop/n", packedAs(t, "new.k8s.io/v1", "Novelty", "shop", "n", "uid-n", nil))
			},
			after: func(s *side) {
				s.report.Outcomes = append(s.report.Outcomes, outcome("new.k8s.io", "novelties", manifests.Listed))
				e := entry(manifests.Key{Group: "new.k8s.io", Resource: "novelties", Namespace: "shop", Name: "n"}, "17")
				e.UID = "uid-n"
				s.entries = append(s.entries, e)
			},
		},
		"encrypted": {
			before: func(w *world) {
				w.put("/registry/secrets/shop/s", []byte("k8s:enc:secretbox:v1:key1:abc"))
				w.put("/registry/secrets/shop/lost", []byte("k8s:enc:secretbox:v1:key1:abc"))
				w.put("/registry/novelties/shop/n", []byte("k8s:enc:secretbox:v1:key1:abc"))
			},
			after: func(s *side) {
				s.entries = without(s.entries, "lost")
				s.report.Outcomes = append(s.report.Outcomes, outcome("new.k8s.io", "novelties", manifests.Listed))
				key := manifests.Key{Group: "new.k8s.io", Resource: "novelties", Namespace: "shop", Name: "n"}
				s.entries = append(s.entries, entry(key, "19"))
			},
			want: []string{"unsaved lost: its kind was listed"},
		},
		"another prefix": {
			after: func(s *side) { s.opts.Prefix = "/kubernetes.io" },
			want: []string{"unstored a: no such key", "unstored w: no such key", "unstored kube-system: no such key",
				"outside compact_rev_key: ", "outside /registry: "},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := side{world: filled(t)}
			if c.before != nil {
				c.before(s.world)
			}
			s.report, s.entries = report(s.revision, outcomes()...), s.dump(t, s.revision)
			if c.after != nil {
				c.after(&s)
			}
			p := prove(t, s.report, s.entries, s.store(s.revision), s.opts)
			all := c.want
			if s.opts.Prefix == "" {
				all = append(all, always...)
			}
			want(t, p, all...)
			if p.Strength != Exact || p.Keys != len(s.at(s.revision)) || p.Objects != len(s.entries) || len(p.Blind) > 0 {
				t.Errorf("the proof is %v", p)
			}
		})
	}
}

// What a finding says of a key is what its value has.
func TestUnsavedNames(t *testing.T) {
	w := filled(t)
	p := prove(t, report(w.revision, outcomes()...), without(w.dump(t, w.revision), "w"), w.store(w.revision), Options{})
	const line = "unsaved: Widget widgets.example.com/w -n shop (/registry/example.com/widgets/shop/w at 13, uid uid-w): " +
		"its kind was listed, and it is not in the dump"
	if p.Findings[0].String() != line {
		t.Errorf("the finding is %v", p.Findings[0])
	}
	const all = "not complete (exact): 2 of 7 keys at revision 16 are in the dump, 1 unsaved, 3 internal, 1 outside"
	if p.String() != all {
		t.Errorf("the proof is %q", p)
	}
}
