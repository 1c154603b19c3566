package treemap

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/datamaker"
	"github.com/clustersnap/clustersnap/internal/e2e/ondisk"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
	"github.com/clustersnap/clustersnap/manifests/storage/usage"
)

func TestMain(m *testing.M) { command.Main(m) }

var must, stuck = trial.Must, trial.Context

// markup and escape are names that RBAC allows: rules on names of other kinds are stricter.
const (
	markup = `<img src=x onerror=alert(1)>`
	escape = "red\x1b[31m\u009b31m\u202e"
)

// busy is an object that is written again and again.
const (
	busy       = "busy"
	busyWrites = 40
)

// filled is a snapshot of a cluster with objects in many namespaces, of which some change, and some are gone. Secrets are
// encrypted at rest.
func filled(t testing.TB) string {
	t.Helper()
	ctx, node := stuck(t), bed.ControlPlane(t, bed.Options{Encryption: true})
	config := node.RESTConfig(t)
	config.QPS = -1
	_, err := datamaker.FillAPI(ctx, config, 1500)
	must(t, err)
	client, err := kubernetes.NewForConfig(config)
	must(t, err)
	for _, name := range []string{markup, escape} {
		role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}}
		_, err = client.RbacV1().ClusterRoles().Create(ctx, role, metav1.CreateOptions{})
		must(t, err)
	}
	large := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "large"},
		BinaryData: map[string][]byte{"a": make([]byte, 700_000)},
	}
	_, err = client.CoreV1().ConfigMaps("data-3").Create(ctx, large, metav1.CreateOptions{})
	must(t, err)
	churn(ctx, t, client)
	return ondisk.Snapshot(t, node.EtcdClient(t))
}

// churn writes one object many times, and makes events that it deletes.
func churn(ctx context.Context, t testing.TB, client kubernetes.Interface) {
	t.Helper()
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: busy}, Data: map[string]string{"writes": "0"}}
	object, err := client.CoreV1().ConfigMaps("data-1").Create(ctx, object, metav1.CreateOptions{})
	must(t, err)
	for i := 1; i < busyWrites; i++ {
		object.Data["writes"] = fmt.Sprint(i)
		object, err = client.CoreV1().ConfigMaps("data-1").Update(ctx, object, metav1.UpdateOptions{})
		must(t, err)
	}
	for i := range 60 {
		e := &corev1.Event{
			ObjectMeta:     metav1.ObjectMeta{Name: fmt.Sprintf("event-%d", i)},
			InvolvedObject: corev1.ObjectReference{Kind: "ConfigMap", Namespace: "data-2", Name: busy},
		}
		_, err := client.CoreV1().Events("data-2").Create(ctx, e, metav1.CreateOptions{})
		must(t, err)
		if i%2 == 0 {
			must(t, client.CoreV1().Events("data-2").Delete(ctx, e.Name, metav1.DeleteOptions{}))
		}
	}
}

// reported is what the command says as JSON.
func reported(t testing.TB, args ...string) *usage.Report {
	t.Helper()
	o := command.Run(t, "", append([]string{"etcd", "top", "-o", "json"}, args...)...)
	if o.Code != 0 || o.Stderr != "" {
		t.Fatalf("exit %d\n%s", o.Code, o.Stderr)
	}
	if strings.ContainsFunc(o.Stdout, func(r rune) bool { return r != '\n' && !unicode.IsGraphic(r) }) {
		t.Errorf("a name reaches the terminal as it is:\n%q", o.Stdout)
	}
	report := new(usage.Report)
	must(t, json.Unmarshal([]byte(o.Stdout), report))
	return report
}
