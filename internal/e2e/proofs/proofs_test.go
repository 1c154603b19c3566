package proofs

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/corpus"
	"github.com/clustersnap/clustersnap/internal/e2e/datamaker"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage/proof"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// Every key of a cluster with thousands of objects of nearly every kind is accounted for, and so is each that nobody can
// see.
func TestEveryKind(t *testing.T) {
	s := newScene(t, bed.Options{})
	_, err := datamaker.FillAPI(s.ctx, s.node.RESTConfig(t), 2000)
	must(t, err)
	made, err := corpus.Load(s.ctx, s.node.RESTConfig(t))
	must(t, err)
	must(t, corpus.Settle(s.ctx, s.node.RESTConfig(t), made))
	none := func(manifests.Key) bool { return false }
	all := s.dump(none, manifests.Options{})
	user := s.dump(none, manifests.Options{Classes: []manifests.Class{manifests.User}})
	labelled := s.dump(none, manifests.Options{LabelSelector: "app",
		Exclude: func(r manifests.Resource) bool { return r.Resource == "secrets" }})
	path := s.snapshot()

	// The corpus has an object that no version serves, and an APIService that nobody answers for: what is behind that
	// nobody knows.
	found := []string{"unsaved secrecies/unseen", "unchecked */"}
	p := s.prove(all, path, proof.Options{})
	s.want(p, found...)
	if p.Matched != p.Objects || p.Matched < 2000 || p.Counts[proof.Unsaved] != 1 {
		t.Errorf("the proof is %v", p)
	}
	f := s.find(p, "unseen")
	if f.Namespace != "corpus" || f.ObjectKind != "Secrecy" || f.UID == "" || !strings.Contains(f.Why, "served by none") {
		t.Errorf("the finding is %v", f)
	}
	for _, saved := range []*tree.Saved{user, labelled} {
		p := s.prove(saved, path, proof.Options{})
		if p.Counts[proof.Unsaved] != 1 || p.Counts[proof.Excluded] == 0 || p.Matched != p.Objects {
			t.Errorf("of %+v the proof is %v, and it finds %v", p.Selection, p, p.Findings[0])
		}
	}
}

// Faults of every kind, in a cluster as kubeadm makes it, and in one whose Secrets are encrypted and below another prefix.
func TestFaults(t *testing.T) {
	for name, opts := range map[string]bed.Options{
		"plain":     {},
		"encrypted": {Encryption: true, EtcdPrefix: "/kubernetes.io"},
	} {
		t.Run(name, func(t *testing.T) { faults(newScene(t, opts), opts) })
	}
}

func faults(s *scene, opts bed.Options) {
	_, err := datamaker.FillAPI(s.ctx, s.node.RESTConfig(s), 1000)
	must(s, err)
	s.hide("ghost")
	s.plant("strict")
	for _, name := range []string{"dropped", "doomed", "doomed-and-dropped", "edited"} {
		s.create(configMaps, "ConfigMap", name)
	}
	s.create(secrets, "Secret", "dropped-secret")
	lost := func(k manifests.Key) bool { return strings.Contains(k.Name, "dropped") && k.Namespace == "default" }
	saved := s.dump(lost, manifests.Options{})
	s.create(configMaps, "ConfigMap", "late")
	s.remove("doomed")
	s.remove("doomed-and-dropped")
	s.change("edited")

	found := []string{
		"unsaved ghosts/ghost", "unsaved podsecuritypolicies/strict", "unsaved configmaps/dropped",
		"unsaved configmaps/doomed-and-dropped", "unsaved secrets/dropped-secret",
		"created configmaps/late", "deleted configmaps/doomed",
	}
	s.part("api", func(s *scene) {
		p, err := proof.FromAPI(s.ctx, s.side(saved), s.node.RESTConfig(s))
		must(s, err)
		s.Logf("%v", p)
		// It knows of a kind that is hidden, but not of its objects; nor of the policy, nor of what is no more.
		s.want(p, "unchecked ghosts/", "unsaved configmaps/dropped", "unsaved secrets/dropped-secret", "created configmaps/late",
			"deleted configmaps/doomed", "changed configmaps/edited")
		if p.Strength != proof.APIOnly || p.Complete() || p.Matched < 1000 {
			s.Errorf("the proof is %v", p)
		}
	})
	path := s.snapshot()
	s.part("exact", func(s *scene) {
		p := s.prove(saved, path, proof.Options{})
		s.want(p, append(found, "deleted configmaps/doomed-and-dropped")...)
		if p.Strength != proof.Exact || p.Counts[proof.Unsaved] != 5 || p.Matched != p.Objects {
			s.Errorf("the proof is %v", p)
		}
		for name, kind := range map[string]string{"ghost": "Ghost", "dropped": "ConfigMap"} {
			if f := s.find(p, name); f.ObjectKind != kind || f.UID != s.uids[name] || f.Namespace != "default" {
				s.Errorf("the finding is %v", f)
			}
		}
		if f := s.find(p, "strict"); f.EtcdKey != s.policy("strict") || f.UID != "uid-of-policy" {
			s.Errorf("the finding is %v", f)
		}
		uid := s.uids["dropped-secret"]
		if opts.Encryption {
			config, err := os.ReadFile(filepath.Join(s.node.Root, bed.EncryptionConfig))
			must(s, err)
			if f := s.find(s.prove(saved, path, proof.Options{Encryption: config}), "dropped-secret"); f.UID != uid {
				s.Errorf("with the key, the finding is %v", f)
			}
			uid = ""
		}
		if f := s.find(p, "dropped-secret"); f.UID != uid {
			s.Errorf("the finding is %v", f)
		}
	})
	s.part("weaker", func(s *scene) {
		s.compact()
		p := s.prove(saved, s.snapshot(), proof.Options{})
		weak := found[:0:0]
		for _, f := range found {
			if f != "unsaved configmaps/doomed-and-dropped" { // it has left no trace
				weak = append(weak, f)
			}
		}
		s.want(p, append(weak, "changed configmaps/edited")...)
		if p.Strength != proof.Weaker || len(p.Blind) == 0 {
			s.Errorf("the proof is %v", p)
		}
	})
	if opts.Encryption {
		s.part("command", func(s *scene) {
			s.command(path)
		})
	}
}

// command runs what a user would, on what is wrong and then on what is good.
func (s *scene) command(path string) {
	config := filepath.Join(s.node.Root, bed.EncryptionConfig)
	args := []string{"prove", "completeness", s.dir, "--snapshot", path, "--etcd-prefix", s.prefix, "--encryption-config", config}
	o := command.Run(s.T, "", args...)
	command.Bad(s.T, o, 1, "5 unsaved")
	for _, says := range []string{"unsaved   Ghost ghosts.proofs.example.com/ghost -n default", "proof     not complete (exact)"} {
		if !strings.Contains(o.Stdout, says) {
			s.Errorf("it does not say %q:\n%s", says, o.Stdout)
		}
	}
	o = command.Run(s.T, "", append(args, "--json")...)
	command.Bad(s.T, o, 1, "5 unsaved")
	p, err := proof.Read(strings.NewReader(o.Stdout))
	if err != nil || p.Complete() || p.Counts[proof.Unsaved] != 5 {
		s.Errorf("the JSON is %v (%v)", p, err)
	}

	// Without what nobody serves, all is there, until a file is lost.
	s.erase(s.policy("strict"))
	s.erase(s.prefix + "/proofs.example.com/ghosts/default/ghost")
	s.dump(func(manifests.Key) bool { return false }, manifests.Options{})
	args[2], args[4] = s.dir, s.snapshot()
	command.Good(s.T, command.Run(s.T, "", args...))
	admin := filepath.Join(s.node.Root, "etc/kubernetes/super-admin.conf")
	cmd := exec.Command(command.Path(s.T), "prove", "completeness", s.dir, "--kubeconfig", admin)
	o = command.Of(s.T, cmd, func() error { return s.node.Run(cmd) })
	command.Bad(s.T, o, 1, "0 unsaved", "1 kinds") // the definition is there, and what there is of it the API does not tell
	must(s.T, os.Remove(filepath.Join(s.dir, "namespaces/default/configmaps/late.yaml")))
	o = command.Run(s.T, "", args...)
	command.Bad(s.T, o, 1, "1 unsaved")
	if !strings.Contains(o.Stdout, "configmaps/late -n default") {
		s.Errorf("it does not say what is lost:\n%s", o.Stdout)
	}
	command.Bad(s.T, command.Run(s.T, "", "prove"), 2)
	command.Bad(s.T, command.Run(s.T, "", "prove", "completeness"), 2)
	command.Bad(s.T, command.Run(s.T, "", "prove", "completeness", s.TempDir(), "--snapshot", path), 1, "index.json")
	var plain map[string]any
	must(s.T, json.Unmarshal([]byte(command.Run(s.T, "", append(args, "--json")...).Stdout), &plain))
}
