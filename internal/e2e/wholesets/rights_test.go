package wholesets

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	authenticationv1 "k8s.io/api/authentication/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// rights are the files of examples/cronjob that give the backup its rights.
var rights = []string{"base/namespace.yaml", "base/rbac.yaml", "components/volumes/rbac.yaml"}

// seldom is what a run does with what came out otherwise than it was asked for: see leave.go of volsnap.
const seldom = "delete volumesnapshots"

// audited has a backup with the account of examples/cronjob: it uses each right that it has, and no other, by the API server's
// own log.
func audited(s *scene) {
	audit := csibed.NewAudit(s, s.node)
	granted := []string{"get /version", "create selfsubjectaccessreviews"} // and discovery, which everybody has, too
	for _, file := range rights {
		file = filepath.Join("../../../examples/cronjob", file)
		s.node.Output(s, exec.Command(peers.Kubectl.Path(s), "--kubeconfig", s.node.Kubeconfig(), "apply", "-f", file))
		granted = append(granted, verbs(s, file)...)
	}
	o, good := s.backup("--kubeconfig", s.accountConf("clustersnap", "clustersnap"), "--volumes", "all", "--accept", "hostPath", "--events")
	command.Good(s, o)
	if said := read[result](s, s.open(good), "result.json"); said.Volumes["snapshotted"] != 1 {
		s.Errorf("the result is %+v", said)
	}
	// One that a driver fails has to be diagnosed.
	s.bed.Drivers[0].Set(driver.Temper{FailCreate: func(string, string) error { return status.Error(codes.Internal, "the disks are full") }})
	o, set := s.backup("--kubeconfig", s.accountConf("clustersnap", "clustersnap"), "--volumes", "all", "--accept", "hostPath",
		"--volumes-timeout", "3s")
	s.bed.Drivers[0].Set(driver.Temper{})
	if said := s.lacking(o, set, "volumes: ", "the disks are full"); said.Volumes["failed"] != 1 {
		s.Errorf("the result is %+v", said)
	}
	events, err := s.bed.Client.EventsV1().Events("default").List(s.ctx, metav1.ListOptions{FieldSelector: "reason=BackupSucceeded"})
	must(s, err)
	if len(events.Items) != 1 || events.Items[0].Regarding.Name != s.node.Name || !strings.Contains(events.Items[0].Note, good) {
		s.Errorf("the events are %+v", events.Items)
	}

	lists, used := 0, audit.Calls(s, "clustersnap")
	for call := range used {
		switch {
		case strings.HasPrefix(call, "list "):
			lists++
		case !slices.Contains(granted, call) && !strings.HasPrefix(call, "get /api"):
			s.Errorf("it has used the right to %s, which it was not given", call)
		}
	}
	if lists < 50 {
		s.Errorf("it has listed %d kinds", lists)
	}
	for _, right := range granted {
		if used[right] == 0 && right != "list *" && right != seldom {
			s.Errorf("it was given the right to %s, and has not used it", right)
		}
	}
}

// verbs gives the rules of a file, as in "get pods".
func verbs(s *scene, file string) (all []string) {
	s.Helper()
	text, err := os.ReadFile(file)
	must(s, err)
	documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		var role rbacv1.ClusterRole
		err := documents.Decode(&role)
		if errors.Is(err, io.EOF) {
			return all
		}
		must(s, err)
		for _, rule := range role.Rules {
			for _, verb := range rule.Verbs {
				for _, resource := range rule.Resources {
					all = append(all, verb+" "+resource)
				}
			}
		}
	}
}

// accountConf is a kubeconfig with a token of a service account.
func (s *scene) accountConf(namespace, name string) string {
	s.Helper()
	accounts := s.bed.Client.CoreV1().ServiceAccounts(namespace)
	token, err := accounts.CreateToken(s.ctx, name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	must(s, err)
	config, err := clientcmd.LoadFromFile(s.node.Kubeconfig())
	must(s, err)
	for user := range config.AuthInfos {
		config.AuthInfos[user] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	}
	file := filepath.Join(s.TempDir(), name+".conf")
	must(s, clientcmd.WriteToFile(*config, file))
	return file
}
