package stores

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/clustersnap/clustersnap/examples/demonode"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// isPart reports whether a request uploads a part, isComplete whether it makes an object of the parts, and isReceipt whether it
// writes a receipt.
func isPart(r *http.Request) bool {
	return r.Method == http.MethodPut && r.URL.Query().Has("partNumber")
}

func isComplete(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Query().Has("uploadId")
}

// isBegin reports whether a request begins an upload of parts.
func isBegin(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Query().Has("uploads")
}

func isReceipt(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, ".receipt.json")
}

// once stops the first request of a kind.
func once(kind func(*http.Request) bool, place int64) stopAt {
	done := make(chan struct{}, 1)
	return func(r *http.Request, _ int) (int64, bool) {
		if !kind(r) {
			return 0, false
		}
		select {
		case done <- struct{}{}:
			return place, true
		default:
			return 0, false
		}
	}
}

// TestStores starts one node for all, as it is what takes the time. A set of it is of several parts.
func TestStores(t *testing.T) {
	node := startNode(t, large)
	for name, test := range map[string]func(*testing.T, *demonode.Node){
		"round trip": roundTrip, "lost once": lostOnce, "server dies": serverDies, "object lock": objectLock,
		"uploader killed": uploaderKilled, "uploader killed on disk": uploaderKilledOnDisk,
	} {
		t.Run(name, func(t *testing.T) { test(t, node) })
	}
}

func roundTrip(t *testing.T, node *demonode.Node) {
	s := startServer(t)
	w := watch(t, s.addr)
	recipient, key := command.KeyPair(t)
	url := s.url(w.addr)
	command.Good(t, command.Run(t, "", backup(node, url, recipient, "--cluster", "prod")...))
	found := sets(t, url)
	if len(found) != 1 || !strings.Contains(found[0], "-prod-") {
		t.Fatalf("there are %v", found)
	}
	set := in(url, found[0])
	command.Good(t, command.Run(t, "", "verify", set, "--identity", key))
	stored, err := os.ReadFile(filepath.Join(s.root, "folder", found[0]))
	if err != nil {
		t.Fatal(err)
	}
	if len(stored) < 2*(8<<20) {
		t.Fatalf("the set has %d bytes: give the node more objects, so that it is of several parts", len(stored))
	}

	w.pass()
	o := command.Run(t, "", "list", set, "--identity", key)
	if o.Code != 0 || !strings.Contains(o.Stdout, "etcd.snap.zst") || o.Stderr != "" {
		t.Errorf("members: %d\n%s%s", o.Code, o.Stdout, o.Stderr)
	}
	if sent := w.sent.Load(); sent > 2<<20 {
		t.Errorf("for the members of a set of %d bytes, %d were fetched", len(stored), sent)
	}
	outside := command.Run(t, "", "verify", set)
	command.Bad(t, outside, 1, "contents not checked")
	if !strings.Contains(outside.Stdout, "every byte is as it was written") {
		t.Errorf("the outside: %s", outside.Stdout)
	}
	dataDir := filepath.Join(t.TempDir(), "etcd")
	command.Good(t, command.Run(t, "", "etcd", "restore", set, "--identity", key, "--data-dir", dataDir))
	command.Bad(t, command.Run(t, "", "verify", in(url, "x.clustersnap"), "--identity", key), 1, "x.clustersnap", "there is no such set")
	command.Bad(t, command.Run(t, "", "verify", url, "--identity", key), 2, "names a folder")
	command.Bad(t, command.Run(t, "", backup(node, set, recipient)...), 1, "exists")

	command.Good(t, command.Run(t, "", backup(node, url, recipient, "--cluster", "prod")...))
	two := sets(t, url) // the newest first
	command.Good(t, command.Run(t, "", "prune", url, "--keep-last", "1"))
	if now := sets(t, url); len(two) != 2 || !slices.Equal(now, two) {
		t.Fatalf("of %v there are %v, and nothing was to be deleted", two, now)
	}
	command.Good(t, command.Run(t, "", "prune", url, "--keep-last", "1", "--yes"))
	if now := sets(t, url); !slices.Equal(now, two[:1]) || two[1] != found[0] {
		t.Fatalf("of %v there are %v", two, now)
	}
	held(t, s.folder)
	found = two[:1]
	set = in(url, found[0])
	if stored, err = os.ReadFile(filepath.Join(s.root, "folder", found[0])); err != nil {
		t.Fatal(err)
	}
	stored[len(stored)/2] ^= 1
	if err := os.WriteFile(filepath.Join(s.root, "folder", found[0]), stored, 0o600); err != nil {
		t.Fatal(err)
	}
	command.Bad(t, command.Run(t, "", "verify", set), 1, "not what was written")
	command.Bad(t, command.Run(t, "", "verify", set, "--identity", key), 1)
	if err := os.Truncate(filepath.Join(s.root, "folder", found[0]), 100); err != nil {
		t.Fatal(err)
	}
	command.Bad(t, command.Run(t, "", "list", url), 1, "1 receipt of no use")
	command.Bad(t, command.Run(t, "", "prune", url, "--keep-last", "1", "--yes"), 1, "left alone")
}

// An answer that is lost on its way, and a request that is, are tried again.
func lostOnce(t *testing.T, node *demonode.Node) {
	s := startServer(t)
	w := watch(t, s.addr)
	recipient, _ := command.KeyPair(t)
	for _, c := range []struct {
		name  string
		kind  func(*http.Request) bool
		place int64
	}{
		{"answer to the beginning", isBegin, answered},
		{"half a part", isPart, 1 << 20},
		{"answer to a part", isPart, answered},
		{"answer to the completion", isComplete, answered},
		{"answer to the receipt", isReceipt, answered},
		{"read back", func(r *http.Request) bool { return r.Method == http.MethodGet && r.Header.Get("Range") != "" }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := s.url(w.addr)
			lost := w.stop(once(c.kind, c.place), true)
			name := strings.ReplaceAll(c.name, " ", "-") + ".clustersnap"
			command.Good(t, command.Run(t, "", backup(node, in(url, name), recipient)...))
			select {
			case <-lost:
			default:
				t.Error("nothing was lost")
			}
			held(t, s.folder)
		})
	}
	// The upload that was begun with nobody hearing of it is found, and goes.
	if o := command.Run(t, "", "list", s.url(s.addr)); !strings.Contains(o.Stdout, "parts of an upload") {
		t.Errorf("list: %s", o.Stdout)
	}
	swept(t, s.folder)
	if o := command.Run(t, "", "list", s.url(s.addr)); !strings.Contains(o.Stdout, " 0 leftovers") {
		t.Errorf("swept: %s", o.Stdout)
	}
}

// A server that dies in the middle and does not come back ends the backup; when it is back, there is no set, and what there is
// is swept.
func serverDies(t *testing.T, node *demonode.Node) {
	s := startServer(t)
	w := watch(t, s.addr)
	recipient, _ := command.KeyPair(t)
	for name, kind := range map[string]func(*http.Request) bool{"part": isPart, "receipt": isReceipt} {
		t.Run(name, func(t *testing.T) {
			first := once(kind, 0)
			var dead atomic.Bool // parts come beside each other
			gone := w.stop(func(r *http.Request, n int) (int64, bool) {
				if _, now := first(r, n); now {
					dead.Store(true)
				}
				return 0, dead.Load()
			}, true)
			cmd := exec.Command(command.Path(t), backup(node, s.url(w.addr), recipient)...)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			uploader := faults.Start(t, cmd)
			uploader.Await(gone)
			s.kill()
			ended := uploader.Wait()
			command.Bad(t, command.Outcome{Code: ended.ExitCode(), Stderr: stderr.String()}, 1, "backup: ", "s3://sets/folder/")
			s.start()
			w.pass()
			if found := sets(t, s.at); len(found) != 0 {
				t.Errorf("there are sets: %v", found)
			}
			swept(t, s.folder)
			held(t, s.folder)
		})
	}
}

// A set that the server locks is left alone, and its lock is the one that was asked for.
func objectLock(t *testing.T, node *demonode.Node) {
	s := startServer(t)
	w := watch(t, s.addr)
	recipient, _ := command.KeyPair(t)
	peers.VersityGW.Output(t, "admin", "--access", accessKey, "--secret", accessPW, "--endpoint-url", "http://"+s.addr,
		"create-bucket", "--owner", accessKey, "--bucket", "locked", "--object-lock-enabled-for-bucket")
	url := strings.Replace(s.url(w.addr), "/sets/", "/locked/", 1) + "&object_lock=governance&retain_days=9&storage_class=STANDARD"
	asked := make(chan http.Header, 20)
	w.stop(func(r *http.Request, _ int) (int64, bool) {
		if r.Header.Get("X-Amz-Object-Lock-Mode") != "" {
			asked <- r.Header
		}
		return 0, false
	}, false)
	for _, set := range []string{"older.clustersnap", "newer.clustersnap"} {
		command.Good(t, command.Run(t, "", backup(node, in(url, set), recipient)...))
	}
	if len(asked) != 4 { // of each set the beginning of its upload, and the receipt
		t.Errorf("%d objects were to be locked", len(asked))
	}
	for range len(asked) {
		h := <-asked
		if h.Get("X-Amz-Object-Lock-Mode") != "GOVERNANCE" || h.Get("X-Amz-Object-Lock-Retain-Until-Date") == "" ||
			h.Get("X-Amz-Storage-Class") != "STANDARD" {
			t.Errorf("the server is told %v", h)
		}
	}
	o := command.Good(t, command.Run(t, "", "prune", url, "--keep-last", "1", "--yes"))
	if !strings.Contains(o.Stdout, "keep      older.clustersnap: locked until") || len(sets(t, url)) != 2 {
		t.Errorf("prune: %s", o.Stdout)
	}
}
