package volsnap

import (
	"context"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
)

// TestTakeRefusesPlan has plans that Plan does not make.
func TestTakeRefusesPlan(t *testing.T) {
	c, err := NewCluster(&rest.Config{Host: "http://localhost:1"})
	if err != nil {
		t.Fatal(err)
	}
	good := Volume{Namespace: "shop", Claim: "data", Driver: "disk.example", Class: "disk"}
	other, nameless, driverless := good, good, good
	other.Claim, nameless.Claim, driverless.Driver = "other", "", ""
	without := Volume{Namespace: "shop", PodVolume: "web/tmp", Reason: ReasonEphemeral}
	for want, volumes := range map[string][]Volume{
		"claim shop/data twice": {good, other, good}, "neither": {nameless}, "nor a reason": {good, driverless},
	} {
		account, err := c.Take(t.Context(), &Plan{Volumes: volumes}, TakeOptions{Run: "r"})
		if account != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if err := (&Plan{Volumes: []Volume{good, other, without, without}}).check(); err != nil {
		t.Error(err)
	}
}

// TestOwnLacksRest has a storage's own way for a volume that pods mount.
func TestOwnLacksRest(t *testing.T) {
	plan := &Plan{Volumes: []Volume{
		{Namespace: "shop", Claim: "data", Reason: ReasonNFS, Pods: []string{"web"}},
		{Namespace: "shop", Claim: "idle", Reason: ReasonNFS},
	}}
	own := func(context.Context, Volume) (*Snapshot, error) { return &Snapshot{}, nil }
	rest := func(context.Context, string, string) (func(context.Context) error, error) { return nil, nil }
	for _, opts := range []TakeOptions{{Run: "r", Own: own}, {Run: "r", Own: own, Quiesce: rest}} {
		account, err := (&Cluster{}).Take(t.Context(), plan, opts)
		if err != nil {
			t.Fatal(err)
		}
		if lacks := len(account.Volumes[0].Lacking) > 0; lacks != (opts.Quiesce != nil) || len(account.Volumes[1].Lacking) > 0 {
			t.Errorf("with hooks: %v, got %+v", opts.Quiesce != nil, account.Volumes)
		}
	}
}
