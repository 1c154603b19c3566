package house

import (
	"maps"
	"slices"
	"strings"
)

// rule forbids imports. It answers for one room and one imported package.
type rule struct {
	says    string
	direct  bool // holds for what a package itself imports, not for what it reaches through others
	forbids func(from room, imported string) bool
}

var rules = []rule{
	{"the root package imports no room", false, rootImportsRoom},
	{"no room imports the root package", false, importsRoot},
	{"a room imports no room but those it is in and internal/", false, importsSibling},
	{"only etcdsnap/restore reaches the etcd server", false, reachesServer},
	{"examples import public packages only", true, importsPrivate},
	{"a room links what its line allows", true, linksOther},
}

// unknownRoom is broken by a package, not by an import.
const unknownRoom = "every package belongs to a room of the list"

// serverParts are the parts of etcd that weigh on whoever links them.
var serverParts = []string{
	"go.etcd.io/etcd/server", "go.etcd.io/etcd/etcdutl", "go.etcd.io/bbolt", "go.etcd.io/raft",
}

func rootImportsRoom(from room, imported string) bool {
	to, ok := roomOf(imported)
	return ok && from.kind == root && to.kind != root && to.kind != shared
}

func importsRoot(from room, imported string) bool {
	return imported == repo && (from.kind == library || from.kind == shared)
}

func importsSibling(from room, imported string) bool {
	to, ok := roomOf(imported)
	if !ok || to.kind == root || to.path == from.path {
		return false
	}
	switch from.kind {
	case library:
		return to.kind != shared && !under(from.path, to.path)
	case shared:
		return true
	default:
		return false
	}
}

func reachesServer(from room, imported string) bool {
	exempt := from.kind == bed || from.kind == examples || from.path == "etcdsnap/restore"
	return !exempt && underAny(imported, serverParts)
}

func importsPrivate(from room, imported string) bool {
	return from.kind == examples && under(imported, repo) && strings.Contains(imported+"/", "/internal/")
}

func linksOther(from room, imported string) bool {
	free := from.kind == bed || from.kind == examples
	host, _, _ := strings.Cut(imported, "/")
	standard := !strings.Contains(host, ".")
	return !free && !standard && !under(imported, repo) && !underAny(imported, from.links)
}

// graph is the imports of each package.
type graph map[string][]string

// violations gives every broken rule with the shortest chain of imports that breaks it, as in "rule: a -> b -> c".
func violations(g graph) []string {
	var found []string
	for _, pkg := range slices.Sorted(maps.Keys(g)) {
		if !under(pkg, repo) {
			continue
		}
		from, ok := roomOf(pkg)
		if !ok {
			found = append(found, unknownRoom+": "+pkg)
			continue
		}
		for _, r := range rules {
			view := g
			if r.direct {
				view = graph{pkg: g[pkg]}
			}
			for _, chain := range view.chains(pkg, func(imported string) bool { return r.forbids(from, imported) }) {
				found = append(found, r.says+": "+strings.Join(chain, " -> "))
			}
		}
	}
	return found
}

// chains gives the shortest way from a package to each forbidden one. It does not look behind a forbidden package:
// what that one reaches is the same fault.
func (g graph) chains(from string, forbidden func(pkg string) bool) [][]string {
	var found [][]string
	seen := map[string]bool{from: true}
	for queue := [][]string{{from}}; len(queue) > 0; queue = queue[1:] {
		chain := queue[0]
		for _, imported := range g[chain[len(chain)-1]] {
			if seen[imported] {
				continue
			}
			seen[imported] = true
			next := append(slices.Clone(chain), imported)
			if forbidden(imported) {
				found = append(found, next)
			} else {
				queue = append(queue, next)
			}
		}
	}
	return found
}
