package volfreeze

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/volsnap/quiesce"
)

func (s *scene) exec() {
	pod := s.pod("exec", nil)
	out, err := pod.Exec(s.ctx, "", "sh", "-c", "printf 'a b'; printf c >&2")
	if err != nil || out.Stdout != "a b" || out.Stderr != "c" || out.Cut {
		s.Errorf("got %+v and %v", out, err)
	}
	out, err = pod.Exec(s.ctx, "other", "printf", "%s|", "", "a 'b\" $(c)", "ä\n&command=x")
	if err != nil || out.Stdout != "|a 'b\" $(c)|ä\n&command=x|" {
		s.Errorf("got %+v and %v", out, err)
	}

	_, err = pod.Exec(s.ctx, "", "sh", "-c", "echo hunter2; echo hunter2 >&2; exit 3")
	var exit *quiesce.ExitError
	if !errors.As(err, &exit) || exit.Code != 3 || exit.Output.Stdout != "hunter2\n" || exit.Output.Stderr != "hunter2\n" {
		s.Errorf("got %v, want exit code 3 with what was printed", err)
	}
	if strings.Contains(err.Error(), "hunter2") {
		s.Errorf("what was printed is in the error: %v", err)
	}

	out, err = pod.Exec(s.ctx, "", "head", "-c", "1000000", "/dev/zero")
	if err != nil || len(out.Stdout) != 64<<10 || !out.Cut {
		s.Errorf("got %d bytes of 1000000, cut: %v, and %v", len(out.Stdout), out.Cut, err)
	}
	if _, err = pod.Exec(s.ctx, "", "/no/such/program"); !holds(err, "executable file not found") {
		s.Errorf("got %v, want that the program is not there", err)
	}

	// An endless command ends for us with the context.
	ctx, cancel := context.WithTimeout(s.ctx, time.Second)
	defer cancel()
	if _, err = pod.Exec(ctx, "", "sleep", "20"); !errors.Is(err, context.DeadlineExceeded) {
		s.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
	if _, err = quiesce.ReadPod(s.ctx, s.cluster, namespace, "nobody"); !apierrors.IsNotFound(err) {
		s.Errorf("got %v, want one that was not found", err)
	}
}

// rights has accounts with and without the rights of the package documentation.
func (s *scene) rights() {
	s.pod("rights", nil)
	for account, verbs := range map[string][]string{"both": {"create", "get"}, "spdy": {"create"}, "neither": {"list"}} {
		s.Run(account, func(t *testing.T) {
			s := s.with(t)
			s.allow(account, verbs...)
			pod, err := quiesce.ReadPod(s.ctx, s.clusterAs(account), namespace, "rights")
			must(s, err)
			out, err := pod.Exec(s.ctx, "", "echo", "hello")
			switch {
			case account == "neither" && !apierrors.IsForbidden(err):
				s.Errorf("got %v, want that it is forbidden", err)
			case account != "neither" && (err != nil || out.Stdout != "hello\n"):
				s.Errorf("got %q and %v", out.Stdout, err)
			}
		})
	}
}

// allow gives an account these verbs for pods/exec, and waits until the server knows.
func (s *scene) allow(account string, verbs ...string) {
	s.Helper()
	rbac := s.bed.Client.RbacV1()
	_, err := rbac.Roles(namespace).Create(s.ctx, &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: account},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}},
			{APIGroups: []string{""}, Resources: []string{"pods/exec"}, Verbs: verbs},
		},
	}, metav1.CreateOptions{})
	must(s, err)
	_, err = rbac.RoleBindings(namespace).Create(s.ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: account},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: account},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: namespace, Name: account}},
	}, metav1.CreateOptions{})
	must(s, err)
	s.known(account, true)
}

// known waits until the server lets an account read pods, or does not any more.
func (s *scene) known(account string, may bool) {
	s.Helper()
	cluster := s.clusterAs(account)
	for {
		_, err := quiesce.ReadPod(s.ctx, cluster, namespace, "nobody")
		if s.ctx.Err() != nil {
			s.Fatalf("account %s: %v", account, err)
		}
		if apierrors.IsForbidden(err) != may {
			return
		}
	}
}

// velero has what pods ask for in annotations.
func (s *scene) velero() {
	const pre, post = "pre.hook.backup.velero.io/", "post.hook.backup.velero.io/"
	for name, test := range map[string]struct {
		annotations map[string]string // FILE is a file that the hooks append to
		file        string            // what they have done in the end
		err         string            // of the pre hook, "" for none
		thaw        string            // of the post hook
		tolerated   []string
		nothing     bool // no hook at all
	}{
		"none": {annotations: map[string]string{"a": "b"}, nothing: true},
		"both": {
			annotations: map[string]string{
				pre + "command": `["sh", "-c", "echo frozen >>FILE"]`, post + "command": `["sh", "-c", "echo thawed >>FILE"]`,
				pre + "container": "other",
			}, file: "frozen thawed",
		},
		"post alone": {annotations: map[string]string{post + "command": `["sh", "-c", "echo thawed >>FILE"]`}, file: "thawed"},
		"pre fails": {
			annotations: map[string]string{
				pre + "command": `["sh", "-c", "echo frozen >>FILE; exit 4"]`, post + "command": `["sh", "-c", "echo thawed >>FILE"]`,
			}, file: "frozen thawed", err: "code 4",
		},
		"pre does not answer": {
			annotations: map[string]string{
				pre + "command": `["sh", "-c", "echo frozen >>FILE; sleep 30"]`, pre + "timeout": "1s",
				post + "command": `["sh", "-c", "echo thawed >>FILE"]`,
			}, file: "frozen thawed", err: "may go on",
		},
		"both fail, and may": {
			annotations: map[string]string{
				pre + "command": `["sh", "-c", "echo frozen >>FILE; exit 4"]`, pre + "on-error": "Continue",
				post + "command": `["sh", "-c", "echo thawed >>FILE; exit 5"]`, post + "on-error": "Continue",
			}, file: "frozen thawed", tolerated: []string{"pre hook", "post hook"},
		},
		"post fails": {
			annotations: map[string]string{
				pre + "command": "true", post + "command": `["sh", "-c", "echo thawed >>FILE; exit 5"]`,
			}, file: "thawed", thaw: "code 5",
		},
		"post is not there": { // and is not waited for until its timeout is over
			annotations: map[string]string{pre + "command": "true", post + "command": "nowhere", post + "timeout": "1h"},
			thaw:        "executable file not found",
		},
		"no such container": {
			annotations: map[string]string{
				pre + "command": `["sh", "-c", "echo frozen >>FILE"]`, post + "command": "true", post + "container": "third",
			}, err: "the post hook of velero's annotations: the pod has no such container that runs as long as it does: \"third\"",
		},
		"can't be read": {annotations: map[string]string{pre + "command": "[", post + "command": "true"}, err: "array of strings"},
	} {
		s.Run(name, func(t *testing.T) {
			s := s.with(t)
			file := filepath.Join(s.TempDir(), "file")
			annotations := map[string]string{}
			for key, value := range test.annotations {
				annotations[key] = strings.ReplaceAll(value, "FILE", file)
			}
			pod := strings.NewReplacer(" ", "-", ",", "", "'", "").Replace("velero-" + name)
			s.pod(pod, annotations)
			var tolerated []string
			hook := quiesce.Velero(s.cluster, func(_, _ string, err error) { tolerated = append(tolerated, err.Error()) })
			thaw, err := hook(s.ctx, namespace, pod)
			if !holds(err, test.err) {
				s.Errorf("the pre hook: got %v, want %q", err, test.err)
			}
			if (thaw == nil) != (test.nothing || test.err != "") {
				s.Errorf("there is a thaw: %v", thaw != nil)
			}
			if thaw != nil {
				if got := read(s, file); strings.Contains(got, "thawed") {
					s.Errorf("the file has %q before the thaw", got)
				}
				ctx, cancel := context.WithCancel(s.ctx)
				cancel()
				if err := thaw(ctx); !holds(err, test.thaw) {
					s.Errorf("the post hook: got %v, want %q", err, test.thaw)
				}
			}
			if got := strings.Join(strings.Fields(read(s, file)), " "); got != test.file {
				s.Errorf("the hooks did %q, want %q", got, test.file)
			}
			if len(tolerated) != len(test.tolerated) {
				t.Fatalf("tolerated %q, want %q", tolerated, test.tolerated)
			}
			for i, want := range test.tolerated {
				if !strings.Contains(tolerated[i], want) {
					t.Errorf("tolerated %q, want %q", tolerated[i], want)
				}
			}
		})
	}
}
