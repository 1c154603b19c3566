package restores

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.uber.org/zap"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/etcdsnap/restore"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// raise raises an alarm as a member would.
func raise(t *testing.T, c *etcdbed.Cluster, kind etcdserverpb.AlarmType) {
	t.Helper()
	client := c.Client(t)
	_, err := etcdserverpb.NewMaintenanceClient(client.ActiveConnection()).Alarm(t.Context(), &etcdserverpb.AlarmRequest{
		Action: etcdserverpb.AlarmRequest_ACTIVATE, MemberID: c.Members[0].ID, Alarm: kind,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// streamed is what etcd sends, in a file: also of a member that etcdsnap would not save from.
func streamed(t *testing.T, c *etcdbed.Cluster) string {
	t.Helper()
	r, err := c.Client(t).Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := os.Create(filepath.Join(t.TempDir(), "etcd.snap"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(f, r); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

// takesWrites holds that a cluster has no alarms, and is writable.
func takesWrites(t *testing.T, c *etcdbed.Cluster) {
	t.Helper()
	client := c.Client(t)
	alarms, err := client.AlarmList(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(alarms.Alarms) > 0 {
		t.Errorf("alarms: %v", alarms.Alarms)
	}
	if _, err := client.Put(t.Context(), "/registry/configmaps/default/new", "x"); err != nil {
		t.Errorf("a write: %v", err)
	}
}

func TestNoSpaceIsLeftBehind(t *testing.T) {
	for version, etcd := range etcdbed.Versions() {
		t.Run("etcd "+version, func(t *testing.T) {
			t.Parallel()
			old := etcdbed.Start(t, etcdbed.Options{Etcd: etcd})
			fill(t, old)
			raise(t, old, etcdserverpb.AlarmType_NOSPACE)
			if _, err := old.Client(t).Put(t.Context(), "x", "x"); !errors.Is(err, rpctypes.ErrNoSpace) {
				t.Fatalf("the old cluster takes a write with %v, want ErrNoSpace", err)
			}
			c := etcdbed.Plan(t, etcdbed.Options{Etcd: etcd})
			result := restored(t, snapshotOf(t, old), c, restore.Options{Etcd: version})
			want := []etcdsnap.Alarm{{MemberID: fmt.Sprintf("%x", old.Members[0].ID), Kind: "NOSPACE"}}
			if !slices.Equal(result.Alarms, want) {
				t.Errorf("alarms %+v, want %+v", result.Alarms, want)
			}
			c.Run(t)
			takesWrites(t, c)
		})
	}
}

func TestCorruptIsRefused(t *testing.T) {
	old := etcdbed.Start(t, etcdbed.Options{})
	fill(t, old)
	raise(t, old, etcdserverpb.AlarmType_CORRUPT)
	path, id := streamed(t, old), fmt.Sprintf("%x", old.Members[0].ID)

	parent := t.TempDir()
	c := etcdbed.Plan(t, etcdbed.Options{Dir: parent})
	_, err := restoreFile(t, path, membersOf(c), restore.Options{})
	if err == nil || !strings.Contains(err.Error(), "CORRUPT") || !strings.Contains(err.Error(), id) {
		t.Errorf("got %v, want an error that tells of CORRUPT at %s", err, id)
	}
	faults.NothingIn(t, parent)

	result := restored(t, path, c, restore.Options{DespiteCorruption: true})
	if want := []etcdsnap.Alarm{{MemberID: id, Kind: "CORRUPT"}}; !slices.Equal(result.Alarms, want) {
		t.Errorf("alarms %+v, want %+v", result.Alarms, want)
	}
	c.Run(t)
	takesWrites(t, c)
}

func TestDowngradeIsLeftBehind(t *testing.T) {
	for to, etcd := range map[string]peers.Program{"3.5.0": peers.Etcd36, "3.6.0": peers.Etcd37} {
		t.Run("to "+to, func(t *testing.T) {
			t.Parallel()
			old := etcdbed.Start(t, etcdbed.Options{Etcd: etcd})
			fill(t, old)
			if _, err := old.Client(t).Downgrade(t.Context(), clientv3.DowngradeEnable, to); err != nil {
				t.Fatal(err)
			}
			if !downgrades(t, old) {
				t.Fatal("no downgrade is under way in the old cluster")
			}
			c := etcdbed.Plan(t, etcdbed.Options{Etcd: etcd})
			result := restored(t, streamed(t, old), c, restore.Options{})
			if result.Downgrade != to {
				t.Errorf("downgrade %q, want %q", result.Downgrade, to)
			}
			c.Run(t)
			takesWrites(t, c)
			if downgrades(t, c) {
				t.Error("a downgrade is under way")
			}
		})
	}
}

func downgrades(t *testing.T, c *etcdbed.Cluster) bool {
	t.Helper()
	status, err := c.Client(t).Status(t.Context(), c.Members[0].Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return status.DowngradeInfo.GetEnabled()
}

const rootPassword = "sesame"

// takeLocked saves a cluster with authentication on.
func takeLocked(t *testing.T, etcd peers.Program) string {
	t.Helper()
	old := etcdbed.Start(t, etcdbed.Options{Etcd: etcd})
	fill(t, old)
	if _, err := old.Client(t).RoleAdd(t.Context(), "readers"); err != nil {
		t.Fatal(err)
	}
	old.EnableAuth(t, rootPassword)
	client, err := etcdsnap.Dial(t.Context(), old.Endpoints(), old.TLS(t), etcdsnap.DialOptions{Username: "root", Password: rootPassword})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	path := filepath.Join(t.TempDir(), "etcd.snap")
	if _, err := etcdsnap.SaveFile(t.Context(), path, client, etcdsnap.Options{}); err != nil {
		t.Fatal(err)
	}
	return path
}

// startLocked starts the only member of a planned cluster whose authentication is on, which etcdbed can't await, and gives a
// client for a user, or for nobody.
func startLocked(t *testing.T, m *etcdbed.Member, etcd peers.Program) func(user string) *clientv3.Client {
	t.Helper()
	sockets, err := os.MkdirTemp("", "etcd-") // short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(sockets) })
	endpoint := "unix://" + filepath.Join(sockets, "client")
	// It is not advertised: etcd before 3.7 wants a port there.
	faults.Start(t, exec.Command(etcd.Path(t),
		"--name", m.Name, "--data-dir", m.DataDir, "--log-level", "error",
		"--listen-client-urls", endpoint, "--advertise-client-urls", m.Endpoint, "--listen-peer-urls", "unix://"+filepath.Join(sockets, "peer"),
		"--initial-advertise-peer-urls", m.PeerURL, "--initial-cluster", m.Name+"="+m.PeerURL))
	return func(user string) *clientv3.Client {
		t.Helper()
		config := clientv3.Config{Endpoints: []string{endpoint}, Username: user, Logger: zap.NewNop()}
		if user != "" {
			config.Password = rootPassword
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			config.DialTimeout = 5 * time.Second
			client, err := clientv3.New(config)
			if err == nil {
				t.Cleanup(func() { client.Close() })
				return client
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				t.Fatalf("log in as %q: %v", user, err)
			}
		}
	}
}

func TestAuthentication(t *testing.T) {
	for version, etcd := range etcdbed.Versions() {
		t.Run("etcd "+version, func(t *testing.T) {
			t.Parallel()
			path := takeLocked(t, etcd)
			kept := etcdbed.Plan(t, etcdbed.Options{Etcd: etcd})
			if result := restored(t, path, kept, restore.Options{}); result.AuthDropped {
				t.Error("authentication is dropped without being asked")
			}
			client := startLocked(t, kept.Members[0], etcd)
			got, err := client("root").Get(t.Context(), leased)
			if err != nil || len(got.Kvs) != 1 {
				t.Errorf("as root: %v (%v)", got, err)
			}
			if _, err := client("").Get(t.Context(), leased); !errors.Is(err, rpctypes.ErrUserEmpty) {
				t.Errorf("as nobody: %v, want ErrUserEmpty", err)
			}

			dropped := etcdbed.Plan(t, etcdbed.Options{Etcd: etcd})
			if result := restored(t, path, dropped, restore.Options{DropAuth: true}); !result.AuthDropped {
				t.Error("the result does not say that authentication was dropped")
			}
			dropped.Run(t)
			takesWrites(t, dropped)
			nobody := dropped.Client(t)
			status, err := nobody.AuthStatus(t.Context())
			if err != nil || status.Enabled {
				t.Errorf("authentication: %v (%v)", status, err)
			}
			users, err := nobody.UserList(t.Context())
			if err != nil || len(users.Users) > 0 {
				t.Errorf("users: %v (%v)", users, err)
			}
			roles, err := nobody.RoleList(t.Context())
			if err != nil || len(roles.Roles) > 0 {
				t.Errorf("roles: %v (%v)", roles, err)
			}
		})
	}
}

func TestLeases(t *testing.T) {
	for version, etcd := range etcdbed.Versions() {
		t.Run("etcd "+version, func(t *testing.T) {
			t.Parallel()
			s := takeSource(t, etcd)
			kept := etcdbed.Plan(t, etcdbed.Options{Etcd: etcd})
			if result := restored(t, s.path, kept, restore.Options{}); result.LeasesDropped {
				t.Error("leases are dropped without being asked")
			}
			kept.Run(t)
			if ttl := timeToLive(t, kept); ttl.TTL <= 0 || ttl.GrantedTTL != 3600 || len(ttl.Keys) != 1 || string(ttl.Keys[0]) != leased {
				t.Errorf("the lease that was kept: %+v", ttl)
			}

			dropped := etcdbed.Plan(t, etcdbed.Options{Etcd: etcd})
			if result := restored(t, s.path, dropped, restore.Options{DropLeases: true}); !result.LeasesDropped {
				t.Error("the result does not say that leases were dropped")
			}
			dropped.Run(t)
			sameKeys(t, live(t, dropped.Client(t)), s.live)
			if ttl := timeToLive(t, dropped); ttl.TTL != -1 {
				t.Errorf("the lease that was dropped: %+v", ttl)
			}
			leases, err := dropped.Client(t).Leases(t.Context())
			if err != nil || len(leases.Leases) > 0 {
				t.Errorf("leases: %v (%v)", leases, err)
			}
			takesWrites(t, dropped)
		})
	}
}

// timeToLive asks for the lease that a key names, whether there is one or not.
func timeToLive(t *testing.T, c *etcdbed.Cluster) *clientv3.LeaseTimeToLiveResponse {
	t.Helper()
	client := c.Client(t)
	got, err := client.Get(t.Context(), leased)
	if err != nil || len(got.Kvs) != 1 {
		t.Fatalf("%s is %v (%v)", leased, got, err)
	}
	ttl, err := client.TimeToLive(t.Context(), clientv3.LeaseID(got.Kvs[0].Lease), clientv3.WithAttachedKeys())
	if err != nil {
		t.Fatal(err)
	}
	return ttl
}

// bucketsOf reads a database that no etcd has open: bucket by bucket, key by key.
func bucketsOf(t *testing.T, path string) map[string]map[string]string {
	t.Helper()
	db, err := bbolt.Open(path, 0o400, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	all := map[string]map[string]string{}
	if err := db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			bucket := map[string]string{}
			all[string(name)] = bucket
			return b.ForEach(func(k, v []byte) error {
				bucket[string(k)] = string(v)
				return nil
			})
		})
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestOldMembersAreGone(t *testing.T) {
	for version, etcd := range etcdbed.Versions() {
		t.Run("etcd "+version, func(t *testing.T) {
			t.Parallel()
			old := etcdbed.Start(t, etcdbed.Options{Etcd: etcd, Members: 3, Args: []string{"--strict-reconfig-check=false"}})
			gone := old.Followers(t)[1]
			client := old.Client(t, old.Leader(t).Endpoint)
			if _, err := client.MemberRemove(t.Context(), gone.ID); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "etcd.snap")
			if _, err := etcdsnap.SaveFile(t.Context(), path, client, etcdsnap.Options{}); err != nil {
				t.Fatal(err)
			}
			if n := removedIn(t, path); n != 1 {
				t.Fatalf("the snapshot has %d removed members, want 1", n)
			}

			c := etcdbed.Plan(t, etcdbed.Options{Etcd: etcd, Members: 3})
			result := restored(t, path, c, restore.Options{})
			for _, m := range c.Members {
				hasOnly(t, bucketsOf(t, m.DB()), result)
			}
		})
	}
}

// removedIn counts what a snapshot has in members_removed.
func removedIn(t *testing.T, path string) int {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	db := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(db, b[:len(b)-digestSize], 0o600); err != nil {
		t.Fatal(err)
	}
	return len(bucketsOf(t, db)["members_removed"])
}

// hasOnly holds that a database tells of the new members alone.
func hasOnly(t *testing.T, db map[string]map[string]string, result *restore.Result) {
	t.Helper()
	var want []string
	for _, m := range result.Members {
		want = append(want, m.ID)
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(db["members"])); !slices.Equal(got, want) {
		t.Errorf("members %q, want %q", got, want)
	}
	for _, bucket := range []string{"members_removed", "cluster", "alarm"} {
		if b, ok := db[bucket]; !ok || len(b) > 0 {
			t.Errorf("bucket %s: there %v, with %v", bucket, ok, b)
		}
	}
	var state raftpb.ConfState
	if err := json.Unmarshal([]byte(db["meta"]["confState"]), &state); err != nil {
		t.Fatal(err)
	}
	var voters []string
	for _, id := range state.GetVoters() {
		voters = append(voters, strconv.FormatUint(id, 16))
	}
	slices.Sort(voters)
	if !slices.Equal(voters, want) || len(state.GetLearners())+len(state.GetVotersOutgoing())+len(state.GetLearnersNext()) > 0 {
		t.Errorf("confState is %s, want the voters %q", db["meta"]["confState"], want)
	}
}
