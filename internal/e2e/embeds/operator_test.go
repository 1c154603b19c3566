package embeds

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// place is a cluster with the operator in it.
type place struct {
	*bed.Node
	dir string // its --dir
}

// status is what users read.
type status struct {
	ObservedGeneration int64
	Again              string
	Verdict            string
	Time               metav1.Time
	Revision           string
	Objects            int
	Outcomes           map[manifests.State]int
	Missing            []string
	Error              string
}

func TestOperator(t *testing.T) {
	t.Parallel()
	p := &place{bed.ControlPlane(t, bed.Options{}), t.TempDir()}
	p.kubectl(t, "apply", "-f", operator+"/crd.yaml", "-f", operator+"/rbac.yaml")
	p.kubectl(t, "wait", "--for=condition=Established", "crd/clusterbackups.clustersnap.example.com")
	p.start(t, copied(t))
	p.kubectl(t, "create", "configmap", "first", "--from-literal=word=one")

	began := metav1.Now().Rfc3339Copy() // as the status has it, to the second
	p.kubectl(t, "apply", "-f", operator+"/clusterbackup.yaml")
	first := p.wait(t, "verdict", "complete")
	p.holds(t, first, "first")
	if first.Time.Before(&began) || first.ObservedGeneration != 1 ||
		first.Outcomes[manifests.Listed] < 40 || first.Missing != nil {
		t.Errorf("the first status is %+v", first)
	}

	p.kubectl(t, "create", "configmap", "second", "--from-literal=word=two")
	p.again(t, "once more")
	second := p.wait(t, "again", "once more")
	p.holds(t, second, "first", "second")
	if second.Verdict != "complete" || second.Revision == first.Revision || second.Objects != first.Objects+1 {
		t.Errorf("the status is %+v, and then %+v", first, second)
	}

	t.Run("a wider spec and a narrower one", func(t *testing.T) { p.specs(t, second) })
	t.Run("in use", func(t *testing.T) { p.inUse(t) })
	t.Run("less rights", func(t *testing.T) { p.lessRights(t) })
}

// specs makes a backup for each generation. One that can't be made says why, and is made when the spec is mended.
func (p *place) specs(t *testing.T, before status) {
	p.patch(t, `{"spec":{"classes":null}}`)
	wider := p.wait(t, "observedGeneration", "2")
	p.holds(t, wider, "first", "second", "kube-root-ca.crt")
	if wider.Verdict != "complete" || wider.Objects <= before.Objects {
		t.Errorf("the status is %+v, and then %+v", before, wider)
	}
	p.patch(t, `{"spec":{"classes":["user"]}}`)
	if s := p.wait(t, "observedGeneration", "3"); s.Verdict != "failed" || s.Revision != "" || s.Outcomes != nil ||
		!strings.Contains(s.Error, tree.ErrNarrower.Error()) {
		t.Errorf("the status is %+v", s)
	}
	p.patch(t, `{"spec":{"classes":null}}`)
	if s := p.wait(t, "observedGeneration", "4"); s.Verdict != "complete" || s.Error != "" {
		t.Errorf("the status is %+v", s)
	}
}

// inUse is a tree that somebody else writes: the backup that failed is tried again without being asked for.
func (p *place) inUse(t *testing.T) {
	root, err := os.OpenRoot(filepath.Join(p.dir, "objects"))
	must(t, err)
	defer root.Close()
	somebody, err := tree.Open(root, tree.Options{})
	must(t, err)
	p.again(t, "while it is in use")
	s := p.wait(t, "again", "while it is in use")
	must(t, somebody.Close())
	if s.Verdict != "failed" || !strings.Contains(s.Error, tree.ErrLocked.Error()) {
		t.Errorf("the status is %+v", s)
	}
	if s = p.wait(t, "verdict", "complete"); s.Error != "" || s.Again != "while it is in use" {
		t.Errorf("the status is %+v", s)
	}
}

// lessRights makes a backup without the right to list config maps.
func (p *place) lessRights(t *testing.T) {
	config := p.RESTConfig(t)
	cluster, err := manifests.NewCluster(config)
	must(t, err)
	resources, _, err := cluster.Resources(stuck(t))
	must(t, err)
	var others []string
	for _, r := range resources {
		if r.Resource != "configmaps" {
			others = append(others, r.Resource)
		}
	}
	roles := p.Kubernetes(t).RbacV1().ClusterRoles()
	role, err := roles.Get(stuck(t), "clustersnap-embed-dump", metav1.GetOptions{})
	must(t, err)
	role.Rules = []rbacv1.PolicyRule{{APIGroups: []string{"*"}, Resources: others, Verbs: []string{"list"}}}
	_, err = roles.Update(stuck(t), role, metav1.UpdateOptions{})
	must(t, err)
	p.untilForbidden(t, "configmaps")

	p.again(t, "with less")
	s := p.wait(t, "again", "with less")
	p.holds(t, s, "first", "second") // what could not be seen is no reason to take it out
	if s.Verdict != "incomplete" || s.Outcomes[manifests.Forbidden] == 0 || len(s.Missing) != s.Outcomes[manifests.Forbidden] {
		t.Errorf("the status is %+v", s)
	}
	for _, line := range s.Missing {
		if !strings.HasPrefix(line, "configmaps") || !strings.Contains(line, ": forbidden: ") {
			t.Errorf("it says %q", line)
		}
	}
}

// copied builds a copy of the operator that lies outside of the repository, as who copies it does.
func copied(t *testing.T) (program string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "copy")
	must(t, os.CopyFS(dir, os.DirFS(operator)))
	repo, err := filepath.Abs("../../..")
	must(t, err)
	run(t, "go", "mod", "edit", "-C", dir, "-replace="+library+"="+repo)
	return command.Build(t, dir, library+"/examples/embed")
}

// start runs the operator with the rights of its service account, and holds that it ends well when it is told to.
func (p *place) start(t *testing.T, program string) {
	t.Helper()
	token, err := p.Kubernetes(t).CoreV1().ServiceAccounts("clustersnap").
		CreateToken(stuck(t), "embed", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	must(t, err)
	admin := p.RESTConfig(t)
	config := clientcmdapi.NewConfig()
	config.Clusters["bed"] = &clientcmdapi.Cluster{Server: admin.Host, CertificateAuthorityData: admin.CAData}
	config.AuthInfos["embed"] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	config.Contexts["embed"] = &clientcmdapi.Context{Cluster: "bed", AuthInfo: "embed"}
	config.CurrentContext = "embed"
	file := filepath.Join(t.TempDir(), "kubeconfig")
	must(t, clientcmd.WriteToFile(*config, file))

	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	must(t, err)
	cmd := exec.Command(program, "--dir", p.dir, "--kubeconfig", file)
	cmd.Stdout, cmd.Stderr = log, log
	wait, err := p.Start(cmd)
	must(t, err)
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := wait(); err != nil {
			t.Errorf("the operator ended: %v", err)
		}
		log.Close()
		if text, err := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("%s%v", text, err)
		}
	})
}

// kubectl runs it with all rights.
func (p *place) kubectl(t *testing.T, args ...string) {
	t.Helper()
	p.Output(t, exec.CommandContext(stuck(t), peers.Kubectl.Path(t), append([]string{"--kubeconfig", p.Kubeconfig()}, args...)...))
}

// again asks as the operator's package comment says.
func (p *place) again(t *testing.T, value string) {
	t.Helper()
	p.kubectl(t, "annotate", "clusterbackup/objects", "clustersnap.example.com/again="+value, "--overwrite")
}

func (p *place) patch(t *testing.T, patch string) {
	t.Helper()
	p.kubectl(t, "patch", "clusterbackup/objects", "--type=merge", "-p", patch)
}

// wait gives the status once it has that value.
func (p *place) wait(t *testing.T, field, value string) status {
	t.Helper()
	p.kubectl(t, "wait", "clusterbackup/objects", "--timeout=5m", "--for=jsonpath={.status."+field+"}="+value)
	backups := schema.GroupVersionResource{Group: "clustersnap.example.com", Version: "v1alpha1", Resource: "clusterbackups"}
	object, err := p.Dynamic(t).Resource(backups).Get(stuck(t), "objects", metav1.GetOptions{})
	must(t, err)
	var got struct{ Status status }
	raw, err := object.MarshalJSON()
	must(t, err)
	must(t, json.Unmarshal(raw, &got))
	return got.Status
}

// holds reads the tree, which has what the status says, and these config maps of the namespace default and no other.
func (p *place) holds(t *testing.T, s status, want ...string) {
	t.Helper()
	saved, err := tree.Read(os.DirFS(filepath.Join(p.dir, "objects")))
	must(t, err)
	var got []string
	for e, err := range saved.Entries(stuck(t)) {
		must(t, err)
		if e.Resource != "secrets" { // their content is left out
			_, err := saved.Object(stuck(t), e)
			must(t, err)
		}
		if e.Resource == "configmaps" && e.Namespace == corev1.NamespaceDefault {
			got = append(got, e.Name)
		}
	}
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("the tree has the config maps %q, not %s", got, name)
		}
	}
	if seen := saved.Seen(); seen.ResourceVersion != s.Revision || seen.Objects < s.Objects ||
		seen.Complete() != (s.Verdict == "complete") {
		t.Errorf("the tree has %d objects of revision %s, the status is %+v", seen.Objects, seen.ResourceVersion, s)
	}
}

// untilForbidden waits until the API server knows that the operator may not list a resource.
func (p *place) untilForbidden(t *testing.T, resource string) {
	t.Helper()
	reviews := p.Kubernetes(t).AuthorizationV1().SubjectAccessReviews()
	ctx := stuck(t)
	for allowed := true; allowed; {
		review, err := reviews.Create(ctx, &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User:               "system:serviceaccount:clustersnap:embed",
			ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "list", Resource: resource},
		}}, metav1.CreateOptions{})
		must(t, err)
		allowed = review.Status.Allowed
	}
}
