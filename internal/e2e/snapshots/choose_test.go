package snapshots

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/clustersnap/clustersnap/etcdsnap"
	"github.com/clustersnap/clustersnap/internal/e2e/etcdbed"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// refused gives why a member was passed over, "" if it was not.
func refused(saved *etcdsnap.Saved, m *etcdbed.Member) string {
	for _, o := range saved.Others {
		if o.Endpoint == m.Endpoint {
			return o.Refused
		}
	}
	return ""
}

func TestLearnerIsRefused(t *testing.T) {
	c := etcdbed.Start(t, etcdbed.Options{})
	learner := c.AddLearner(t)
	client := c.Client(t, learner.Endpoint, c.Members[0].Endpoint)
	_, saved := save(t, client, etcdsnap.Options{})
	if saved.Member.Endpoint != c.Members[0].Endpoint || !strings.Contains(refused(saved, learner), "learner") {
		t.Errorf("saved from %+v, others %+v", saved.Member, saved.Others)
	}
	_, err := etcdsnap.Save(t.Context(), io.Discard, c.Client(t, learner.Endpoint), etcdsnap.Options{})
	if !errors.Is(err, etcdsnap.ErrNoMember) || !strings.Contains(err.Error(), "learner") {
		t.Errorf("from a learner alone: %v", err)
	}
}

func TestDeadMembersAreRefused(t *testing.T) {
	c := etcdbed.Start(t, etcdbed.Options{Members: 3})
	client := c.Client(t)
	c.Members[0].Kill(t)
	_, saved := save(t, client, etcdsnap.Options{})
	if !strings.Contains(refused(saved, c.Members[0]), "connection refused") {
		t.Errorf("others: %+v", saved.Others)
	}
	c.Members[1].Kill(t)
	_, err := etcdsnap.Save(t.Context(), io.Discard, client, etcdsnap.Options{})
	if !errors.Is(err, etcdsnap.ErrNoMember) || !strings.Contains(err.Error(), "quorum") {
		t.Errorf("without a quorum: %v", err)
	}
}

// raise raises an alarm as a member would, and waits until each member knows of it.
func raise(t *testing.T, c *etcdbed.Cluster, m *etcdbed.Member, kind etcdserverpb.AlarmType) {
	t.Helper()
	connection := c.Client(t).ActiveConnection()
	_, err := etcdserverpb.NewMaintenanceClient(connection).Alarm(t.Context(), &etcdserverpb.AlarmRequest{
		Action: etcdserverpb.AlarmRequest_ACTIVATE, MemberID: m.ID, Alarm: kind,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range c.Members { // which answers by way of raft, and so after what was raised
		if _, err := c.Client(t, each.Endpoint).AlarmList(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAlarms(t *testing.T) {
	for version, etcd := range etcdbed.Versions() {
		t.Run("etcd "+version, func(t *testing.T) {
			c := etcdbed.Start(t, etcdbed.Options{Etcd: etcd, Members: 3})
			client := c.Client(t)
			raise(t, c, c.Members[0], etcdserverpb.AlarmType_NOSPACE)
			_, saved := save(t, client, etcdsnap.Options{})
			if a := saved.Member.Alarms; len(a) != 1 || a[0].Kind != "NOSPACE" {
				t.Fatalf("the member reports %+v", a)
			}
			if a := saved.Content.Alarms; len(a) != 1 || a[0].Kind != "NOSPACE" || a[0] != saved.Member.Alarms[0] {
				t.Errorf("the snapshot holds %+v", a)
			}
			bad := c.Followers(t)[0] // which would come first
			raise(t, c, bad, etcdserverpb.AlarmType_CORRUPT)
			_, saved = save(t, client, etcdsnap.Options{})
			if saved.Member.Endpoint == bad.Endpoint || !strings.Contains(refused(saved, bad), "CORRUPT") {
				t.Errorf("saved from %+v, others %+v", saved.Member, saved.Others)
			}
		})
	}
}

func TestDowngradeIsRefused(t *testing.T) {
	for version, etcd := range map[string]peers.Program{"3.5.0": peers.Etcd36, "3.6.0": peers.Etcd37} {
		t.Run("to "+version, func(t *testing.T) {
			c := etcdbed.Start(t, etcdbed.Options{Etcd: etcd})
			client := c.Client(t)
			if _, err := client.Downgrade(t.Context(), clientv3.DowngradeEnable, version); err != nil {
				t.Fatal(err)
			}
			_, err := etcdsnap.Save(t.Context(), io.Discard, client, etcdsnap.Options{})
			if !errors.Is(err, etcdsnap.ErrNoMember) || !strings.Contains(err.Error(), "downgrade to "+version) {
				t.Errorf("while a downgrade is under way: %v", err)
			}
		})
	}
}

func TestAuthentication(t *testing.T) {
	for version, etcd := range etcdbed.Versions() {
		t.Run("etcd "+version, func(t *testing.T) {
			c := etcdbed.Start(t, etcdbed.Options{Etcd: etcd})
			c.EnableAuth(t, "sesame")
			for name, want := range map[string]error{"": etcdsnap.ErrDenied, "reader": etcdsnap.ErrDenied, "root": nil} {
				opts := etcdsnap.DialOptions{Username: name, Password: map[string]string{"reader": "reader", "root": "sesame"}[name]}
				client, err := etcdsnap.Dial(t.Context(), c.Endpoints(), c.TLS(t), opts)
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				var b bytes.Buffer
				saved, err := etcdsnap.Save(t.Context(), &b, client, etcdsnap.Options{})
				if !errors.Is(err, want) {
					t.Errorf("as %q: %v, want %v", name, err, want)
				}
				if err == nil && !saved.Content.Auth {
					t.Error("the snapshot does not say that authentication is on")
				}
			}
			if _, err := etcdsnap.Dial(t.Context(), c.Endpoints(), c.TLS(t), etcdsnap.DialOptions{Username: "root", Password: "wrong"}); err == nil || !strings.Contains(err.Error(), "password") {
				t.Errorf("with a wrong password: %v", err)
			}
		})
	}
}

// Two clusters behind one list of endpoints are a mistake that must not pass.
func TestMembersOfAnotherClusterAreRefused(t *testing.T) {
	a := etcdbed.Start(t, etcdbed.Options{})
	b := etcdbed.Start(t, etcdbed.Options{Certificates: a})
	client, err := etcdsnap.Dial(t.Context(), append(a.Endpoints(), b.Endpoints()...), a.TLS(t), etcdsnap.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, err = etcdsnap.Save(t.Context(), io.Discard, client, etcdsnap.Options{})
	if !errors.Is(err, etcdsnap.ErrNoMember) || !strings.Contains(err.Error(), "one cluster") {
		t.Errorf("got %v", err)
	}
}
