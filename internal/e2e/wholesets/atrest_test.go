package wholesets

import (
	"bytes"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
)

// atRest reads a Secret that etcd has encrypted: the key is among the files of the set, and nobody gives it again.
func atRest(s *scene) {
	stored, err := s.node.EtcdClient(s).Get(s.ctx, "/registry/secrets/shop/password")
	must(s, err)
	if len(stored.Kvs) != 1 || !bytes.HasPrefix(stored.Kvs[0].Value, []byte("k8s:enc:secretbox:v1:key1:")) {
		s.Fatalf("etcd has it as %q", stored.Kvs)
	}
	o, set := s.backup("--etcd-only")
	command.Good(s, o)
	read := func(says, verb string, args ...string) {
		s.Helper()
		o := command.Run(s, "", append([]string{verb, set, "--identity", s.key}, args...)...)
		if o.Code != 0 || o.Stderr != "" || !strings.Contains(o.Stdout, says) {
			s.Errorf("%s exits %d, and does not print %q:\n%s%s", verb, o.Code, says, o.Stdout, o.Stderr)
		}
	}
	read("password: aHVudGVyMg==\n", "get", "secret/password", "-n", "shop", "--show-secrets")
	read("secrets   password", "ls", "secrets", "-n", "shop")
	read("created", "history", "secret/password", "-n", "shop")

	secrets := s.bed.Client.CoreV1().Secrets("shop")
	must(s, secrets.Delete(s.ctx, "password", metav1.DeleteOptions{}))
	command.Good(s, command.RunOn(s, s.node, "recover", set, "--identity", s.key, "--kubeconfig", s.node.Kubeconfig(),
		"secret/password", "-n", "shop", "--yes"))
	back, err := secrets.Get(s.ctx, "password", metav1.GetOptions{})
	must(s, err)
	if string(back.Data["password"]) != "hunter2" {
		s.Errorf("it came back as %q", back.Data)
	}
}
