package volrestores

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/restore"
)

func claimsTest(t *testing.T, p *place) {
	p.Namespace(t, "claims")
	p.claim(t, "claims", "db", "monday")
	monday := p.snapshot(t, "claims", "monday", "db")
	p.write(t, "claims", "db", "tuesday")

	t.Run("beside", func(t *testing.T) {
		for range 2 { // the second time nothing is made
			got, err := restore.Claim(stuck(t), p.cluster, monday, "claims", "copy", restore.ClaimOptions{})
			must(t, err)
			want := restore.Restored{Namespace: "claims", Claim: "copy", State: restore.Bound, PV: p.volume(t, "claims", "copy")}
			if *got != want {
				t.Errorf("got %+v, want %+v", *got, want)
			}
		}
		p.holds(t, "claims", "copy", "monday")
		p.holds(t, "claims", "db", "tuesday")
	})
	t.Run("in another namespace", func(t *testing.T) {
		p.Namespace(t, "claims-2")
		before := p.d.Snapshots()
		for range 2 {
			got, err := restore.Claim(stuck(t), p.cluster, monday, "claims-2", "db", restore.ClaimOptions{
				Labels: map[string]string{"for": "audit"},
			})
			must(t, err)
			if got.State != restore.Bound || got.Import != "" {
				t.Errorf("got %+v", *got)
			}
		}
		p.holds(t, "claims-2", "db", "monday")
		p.none(t, csibed.Snapshots, "claims-2", "")
		p.none(t, csibed.Contents, "", "clustersnap.github.io/imported")
		if after := p.d.Snapshots(); !slices.Equal(before, after) {
			t.Errorf("the driver had snapshots %q, and has %q", before, after)
		}
		if names := p.names(t, claims, "claims-2", "for=audit"); len(names) != 1 {
			t.Errorf("%d claims have the label", len(names))
		}
	})
	t.Run("refused", func(t *testing.T) { refusedTest(t, p, monday) })
	t.Run("another mode, allowed", func(t *testing.T) {
		_, err := restore.Claim(stuck(t), p.cluster, monday, "claims", "block", restore.ClaimOptions{Mode: "Block", ChangeMode: true})
		must(t, err)
		allowed := func() string {
			content, err := p.Dynamic.Resource(csibed.Contents).Get(stuck(t), monday.Content, metav1.GetOptions{})
			must(t, err)
			return content.GetAnnotations()["snapshot.storage.kubernetes.io/allow-volume-mode-change"]
		}
		if got := allowed(); got != "" {
			t.Errorf("the mode may still be changed: %q", got)
		}
		opts := restore.ClaimOptions{Mode: "Block", ChangeMode: true}
		opts.Labels = map[string]string{"no label": "a b"} // refused by the server
		if _, err := restore.Claim(stuck(t), p.cluster, monday, "claims", "refused", opts); err == nil || allowed() != "" {
			t.Errorf("got %v, and the mode may be changed: %q", err, allowed())
		}
	})
	t.Run("another snapshot of the name", func(t *testing.T) { renamedTest(t, p) })
	t.Run("import of no claim", func(t *testing.T) {
		p.Namespace(t, "claims-4")
		opts := restore.ClaimOptions{Labels: map[string]string{"no label": "a b"}}
		if got, err := restore.Claim(stuck(t), p.cluster, monday, "claims-4", "db", opts); err == nil || got != nil {
			t.Errorf("got %+v, %v", got, err)
		}
		p.none(t, csibed.Snapshots, "claims-4", "")
		p.none(t, csibed.Contents, "", "clustersnap.github.io/imported")
	})
	t.Run("waits for a pod", func(t *testing.T) { waitingTest(t, p, monday) })
	t.Run("pending", func(t *testing.T) { pendingTest(t, p) })
}

// refusedTest: nothing is made of a claim that the provisioner would refuse.
func refusedTest(t *testing.T, p *place, monday volsnap.Snapshot) {
	_, err := p.Client.StorageV1().StorageClasses().Create(stuck(t), &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: "of-another"}, Provisioner: "another.csi.test",
	}, metav1.CreateOptions{})
	must(t, err)
	p.d.Set(driver.Temper{ReadyAfter: time.Hour})
	defer p.d.Set(driver.Temper{})
	p.Snapshot(t, "claims", "uploading", "db", p.d.Name)
	p.Until(t, csibed.Snapshots, "claims", "uploading", hasContent)
	uploading := volsnap.Snapshot{Namespace: "claims", Name: "uploading"}
	for name, test := range map[string]struct {
		of   volsnap.Snapshot
		opts restore.ClaimOptions
		want error
		says string
	}{
		"too small":         {monday, restore.ClaimOptions{Size: 1<<20 - 1}, restore.ErrUnfit, "1048575 bytes"},
		"another mode":      {monday, restore.ClaimOptions{Mode: "Block"}, restore.ErrUnfit, "mode Filesystem"},
		"another driver":    {monday, restore.ClaimOptions{StorageClass: "of-another"}, restore.ErrUnfit, "another.csi.test"},
		"no such class":     {monday, restore.ClaimOptions{StorageClass: "none"}, restore.ErrUnfit, "none"},
		"not ready":         {uploading, restore.ClaimOptions{}, restore.ErrNotReady, "not ready"},
		"no such namespace": {volsnap.Snapshot{Namespace: "nowhere", Name: "a"}, restore.ClaimOptions{}, nil, "not found"},
	} {
		_, err := restore.Claim(stuck(t), p.cluster, test.of, "claims", "refused", test.opts)
		if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
		_, err = p.Client.CoreV1().PersistentVolumeClaims("claims").Get(stuck(t), "refused", metav1.GetOptions{})
		if !apierrors.IsNotFound(err) {
			t.Errorf("%s: a claim was made (%v)", name, err)
		}
	}
	_, err = restore.Claim(stuck(t), p.cluster, monday, "claims", "db", restore.ClaimOptions{})
	if !errors.Is(err, restore.ErrExists) {
		t.Errorf("over another claim: %v", err)
	}
}

// waitingTest: a class that waits for a pod is no failure, and the import stays as long as it is needed.
func waitingTest(t *testing.T, p *place, monday volsnap.Snapshot) {
	p.Namespace(t, "claims-3")
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "one"}}
	_, err := p.Client.CoreV1().Nodes().Create(stuck(t), node, metav1.CreateOptions{})
	must(t, err)
	opts := restore.ClaimOptions{StorageClass: csibed.Waiting(p.d.Name)}
	got, err := restore.Claim(stuck(t), p.cluster, monday, "claims-3", "db", opts)
	must(t, err)
	if got.State != restore.WaitsForConsumer || got.PV != "" || got.Import == "" {
		t.Fatalf("got %+v", *got)
	}
	// What the scheduler does when it has found a node for the first pod.
	p.patch(t, claims, "claims-3", "db", `{"metadata":{"annotations":{"volume.kubernetes.io/selected-node":"one"}}}`)
	got, err = restore.Claim(stuck(t), p.cluster, monday, "claims-3", "db", opts)
	must(t, err)
	if got.State != restore.Bound || got.Import != "" {
		t.Errorf("got %+v", *got)
	}
	p.holds(t, "claims-3", "db", "monday")
	p.none(t, csibed.Snapshots, "claims-3", "")
}

// pendingTest: what the provisioner says in events is heard, and is in the error.
func pendingTest(t *testing.T, p *place) {
	p.claim(t, "claims", "lost", "text")
	lost := p.snapshot(t, "claims", "lost", "lost")
	p.d.Forget(t, lost.Handle)
	ctx, cancel := context.WithCancelCause(stuck(t))
	enough := errors.New("heard enough")
	_, err := restore.Claim(ctx, p.cluster, lost, "claims", "pending", restore.ClaimOptions{
		Warned: func(string) { cancel(enough) },
	})
	if !errors.Is(err, enough) || !strings.Contains(err.Error(), "last said: rpc error: code = NotFound desc = no snapshot") {
		t.Errorf("got %v", err)
	}
	// Left pending it would get the next volume of its class that is available, whoever's that is.
	must(t, p.Client.CoreV1().PersistentVolumeClaims("claims").Delete(stuck(t), "pending", metav1.DeleteOptions{}))
	p.Gone(t, claims, "claims", "pending")
}

// renamedTest: a claim of a snapshot is not taken for one of another snapshot that has the name since, or of other options.
func renamedTest(t *testing.T, p *place) {
	first := p.snapshot(t, "claims", "again", "db")
	_, err := restore.Claim(stuck(t), p.cluster, first, "claims", "renamed", restore.ClaimOptions{})
	must(t, err)
	_, err = restore.Claim(stuck(t), p.cluster, first, "claims", "renamed", restore.ClaimOptions{Size: 5 << 20})
	if !errors.Is(err, restore.ErrExists) {
		t.Errorf("with another size: %v", err)
	}
	must(t, p.Dynamic.Resource(csibed.Snapshots).Namespace("claims").Delete(stuck(t), "again", metav1.DeleteOptions{}))
	p.Gone(t, csibed.Snapshots, "claims", "again")
	second := p.snapshot(t, "claims", "again", "db")
	_, err = restore.Claim(stuck(t), p.cluster, second, "claims", "renamed", restore.ClaimOptions{})
	if !errors.Is(err, restore.ErrExists) {
		t.Errorf("of another snapshot: %v", err)
	}
}
