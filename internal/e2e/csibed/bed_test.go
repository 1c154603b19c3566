package csibed

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

var must, stuck = trial.Must, trial.Context

func TestBed(t *testing.T) {
	folders := driver.Start(t, driver.Options{})
	images := driver.Start(t, driver.Options{Name: "image.csi.test", Images: true})
	node := bed.ControlPlane(t, bed.Options{})
	audit := NewAudit(t, node)
	b := Start(t, node, Options{Drivers: []*driver.Driver{folders, images}})
	for _, c := range []struct {
		name string
		test func(*testing.T, *Bed)
	}{
		{"a claim is filled from a snapshot", restores},
		{"a group is cut", groups},
		{"claims are bound at once", manyClaims},
		{"a pod runs commands", execs},
		{"a pod that ends", ends},
		{"an image is frozen", freezes},
		{"the controller stops", stops},
		{"calls are counted", func(t *testing.T, b *Bed) { counts(t, b, audit) }},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, b) })
	}
}

func write(t testing.TB, b *Bed, namespace, claim, text string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(b.VolumePath(t, namespace, claim), "file"), []byte(text), 0o644))
}

func wantFile(t testing.TB, b *Bed, namespace, claim, text string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(b.VolumePath(t, namespace, claim), "file"))
	if err != nil || string(got) != text {
		t.Errorf("the file of claim %s has %q (error: %v), want %q", claim, got, err, text)
	}
}

// restoring is a claim that is filled from a snapshot.
func restoring(namespace, name, class, snapshot string) *corev1.PersistentVolumeClaim {
	group := Snapshots.Group
	claim := Claim(namespace, name, class)
	claim.Spec.DataSource = &corev1.TypedLocalObjectReference{APIGroup: &group, Kind: "VolumeSnapshot", Name: snapshot}
	return claim
}

func restores(t *testing.T, b *Bed) {
	b.Namespace(t, "restores")
	for _, d := range b.Drivers {
		short, _, _ := strings.Cut(d.Name, ".")
		was, is := short+"-was", short+"-is"
		b.Claims(t, "restores", d.Name, was)
		write(t, b, "restores", was, "before")
		_, frozen := b.DriverOf(t, "restores", was)
		d.Freeze(t, frozen) // so that a copy of the image has it
		b.Snapshot(t, "restores", was, was, d.Name)
		b.Ready(t, "restores", was)
		d.Thaw(frozen)
		write(t, b, "restores", was, "after")
		b.MakeClaim(t, restoring("restores", is, d.Name, was))
		b.Bound(t, "restores", is)
		wantFile(t, b, "restores", is, "before")
		wantFile(t, b, "restores", was, "after")

		snapshots := d.Snapshots()
		must(t, b.Dynamic.Resource(Snapshots).Namespace("restores").Delete(stuck(t), was, metav1.DeleteOptions{}))
		b.Gone(t, Snapshots, "restores", was)
		if len(snapshots) != 1 || len(d.Snapshots()) != 0 {
			t.Errorf("driver %s had the snapshots %v and has %v", d.Name, snapshots, d.Snapshots())
		}
	}
}

func groups(t *testing.T, b *Bed) {
	b.Namespace(t, "groups")
	d := b.Drivers[0]
	b.Claims(t, "groups", d.Name, "one", "two")
	b.Create(t, Groups, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": Groups.GroupVersion().String(), "kind": "VolumeGroupSnapshot",
		"metadata": map[string]any{"namespace": "groups", "name": "both"},
		"spec": map[string]any{
			"volumeGroupSnapshotClassName": d.Name,
			"source": map[string]any{"selector": map[string]any{
				"matchExpressions": []any{map[string]any{"key": "claim", "operator": "Exists"}},
			}},
		},
	}})
	b.Until(t, Groups, "groups", "both", func(o *unstructured.Unstructured) bool {
		ready, _, _ := unstructured.NestedBool(o.Object, "status", "readyToUse")
		return ready
	})
	if n := len(d.Snapshots()); n != 2 {
		t.Errorf("the driver has %d snapshots, want 2", n)
	}
}

func manyClaims(t *testing.T, b *Bed) {
	b.Namespace(t, "many")
	var names []string
	for i := range 10 { // of 50 the controller manager's own limit of 20 calls per second is most of the time
		names = append(names, fmt.Sprintf("data-%d", i))
	}
	start := time.Now()
	b.Claims(t, "many", b.Drivers[0].Name, names...)
	t.Logf("%d claims were bound in %v", len(names), time.Since(start))
}

// execute has kubectl run a command in a pod.
func execute(t testing.TB, b *Bed, namespace, pod, input string, command ...string) (out, errs string, err error) {
	t.Helper()
	args := []string{"--kubeconfig", b.Node.Kubeconfig(), "exec", "--namespace", namespace, pod}
	if input != "" {
		args = append(args, "--stdin")
	}
	cmd := exec.CommandContext(stuck(t), peers.Kubectl.Path(t), append(append(args, "--"), command...)...)
	var stdout, stderr strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &stdout, &stderr
	err = b.Node.Run(cmd)
	return stdout.String(), stderr.String(), err
}

func execs(t *testing.T, b *Bed) {
	b.Namespace(t, "execs")
	b.Claims(t, "execs", b.Drivers[0].Name, "data")
	b.Pod(t, "execs", "app", "data")
	const script = "read word; echo $word >/volumes/data/file; echo out; echo err >&2; ls /proc/1/root; exit 3"
	out, errs, err := execute(t, b, "execs", "app", "hello\n", "sh", "-c", script)
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 3 {
		t.Errorf("the command ended with %v, want code 3", err)
	}
	if !strings.HasPrefix(out, "out\n") || !strings.Contains(out, "volumes\n") || !strings.HasPrefix(errs, "err\n") {
		t.Errorf("the command said %q and %q", out, errs)
	}
	wantFile(t, b, "execs", "data", "hello\n")

	must(t, b.Client.CoreV1().Pods("execs").Delete(stuck(t), "app", metav1.DeleteOptions{}))
	b.Gone(t, pods, "execs", "app")
}

func ends(t *testing.T, b *Bed) {
	b.Namespace(t, "ends")
	b.Claims(t, "ends", b.Drivers[0].Name, "data")
	for script, want := range map[string]corev1.PodPhase{
		"echo $WORD >/here/file": corev1.PodSucceeded, "exit 4": corev1.PodFailed,
	} {
		name := strings.ToLower(string(want))
		b.RunPod(t, &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "ends", Name: name},
			Spec: corev1.PodSpec{
				RestartPolicy: corev1.RestartPolicyNever,
				Containers: []corev1.Container{{
					Name: "check", Image: "none", Command: []string{"sh", "-c", script},
					Env:          []corev1.EnvVar{{Name: "WORD", Value: "done"}},
					VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/here"}},
				}},
				Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
					PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"},
				}}},
			},
		})
		b.Until(t, pods, "ends", name, func(o *unstructured.Unstructured) bool {
			phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
			return phase == string(want)
		})
	}
	wantFile(t, b, "ends", "data", "done\n")
}

// freezes freezes a file system while a process of a pod writes to it, and removes the pod.
func freezes(t *testing.T, b *Bed) {
	b.Namespace(t, "freezes")
	b.Claims(t, "freezes", b.Drivers[1].Name, "data")
	b.Pod(t, "freezes", "app", "data")
	const script = "cd /volumes/data; (while :; do date >>log; done) </dev/null >/dev/null 2>&1 & fsfreeze -f /volumes/data"
	if _, errs, err := execute(t, b, "freezes", "app", "", "sh", "-c", script); err != nil {
		t.Fatalf("freeze: %v: %s", err, errs)
	}
	if _, _, err := execute(t, b, "freezes", "app", "", "fsfreeze", "-f", "/volumes/data"); err == nil {
		t.Error("what is frozen could be frozen")
	}
	must(t, b.Client.CoreV1().Pods("freezes").Delete(stuck(t), "app", metav1.DeleteOptions{}))
	b.Gone(t, pods, "freezes", "app")
	write(t, b, "freezes", "data", "thawed")
}

func stops(t *testing.T, b *Bed) {
	b.Namespace(t, "stops")
	d := b.Drivers[0]
	b.Claims(t, "stops", d.Name, "data")
	b.Controller.Stop(t)
	b.Snapshot(t, "stops", "first", "data", d.Name)
	list, err := b.Dynamic.Resource(Contents).List(stuck(t), metav1.ListOptions{})
	must(t, err)
	for _, o := range list.Items {
		if name, _, _ := unstructured.NestedString(o.Object, "spec", "volumeSnapshotRef", "name"); name == "first" {
			t.Errorf("a content %s was made", o.GetName())
		}
	}
	b.Controller.Start(t)
	b.Ready(t, "stops", "first")
}

func counts(t *testing.T, b *Bed, audit *Audit) {
	config := rest.CopyConfig(b.Config)
	config.UserAgent = "counted"
	client, err := kubernetes.NewForConfig(config)
	must(t, err)
	b.Namespace(t, "counts")
	for range 3 {
		_, err := client.CoreV1().Namespaces().Get(stuck(t), "counts", metav1.GetOptions{})
		must(t, err)
	}
	watch, err := client.CoreV1().Pods("counts").Watch(stuck(t), metav1.ListOptions{})
	must(t, err)
	watch.Stop()
	want := map[string]int{"get namespaces": 3, "watch pods": 1}
	if got := audit.Calls(t, "counted"); !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}
