package proofs

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/internal/e2e/bed"
	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/corpus"
	"github.com/clustersnap/clustersnap/internal/e2e/datamaker"
	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage/proof"
	"github.com/clustersnap/clustersnap/manifests/tree"
)

// A cluster as kubeadm makes it, with thousands of objects of nearly every kind.
func TestPlain(t *testing.T) {
	s := newScene(t, bed.Options{})
	_, err := datamaker.FillAPI(s.ctx, s.node.RESTConfig(t), 2000)
	must(t, err)
	made, err := corpus.Load(s.ctx, s.node.RESTConfig(t))
	must(t, err)
	must(t, corpus.Settle(s.ctx, s.node.RESTConfig(t), made))
	// The corpus has an object that no version serves, and an APIService that nobody answers for: what is behind it nobody knows.
	s.part("every kind", everyKind)
	faults(s, opts{
		stored: []string{"unsaved secrecies/unseen", "unchecked */"}, shown: []string{"unchecked secrecies/", "unchecked */"},
	})
	s.part("api without history", withoutHistory)
}

// One whose Secrets are encrypted, and below another prefix.
func TestEncrypted(t *testing.T) {
	s := newScene(t, bed.Options{Encryption: true, EtcdPrefix: "/kubernetes.io"})
	_, err := datamaker.FillAPI(s.ctx, s.node.RESTConfig(t), 1000)
	must(t, err)
	s.part("namespaces are gone", emptied)
	faults(s, opts{encrypted: true})
	s.part("command", commands)
}

// everyKind accounts for every key: of all objects, and of some.
func everyKind(s *scene) {
	none := func(manifests.Key) bool { return false }
	all := s.dump(none, manifests.Options{})
	user := s.dump(none, manifests.Options{Classes: []manifests.Class{manifests.User}})
	labelled := s.dump(none, manifests.Options{LabelSelector: "app",
		Exclude: func(r manifests.Resource) bool { return r.Resource == "secrets" }})
	snapshot := s.snapshot()
	p := s.prove(all, snapshot, proof.Options{})
	s.want(p, "unsaved secrecies/unseen", "unchecked */")
	if p.Matched != p.Objects || p.Matched < 2000 || p.Counts[proof.Unsaved] != 1 {
		s.Errorf("the proof is %v", p)
	}
	f := s.find(p, "unseen")
	if f.Namespace != "corpus" || f.ObjectKind != "Secrecy" || f.UID == "" || !strings.Contains(f.Why, "served by none") {
		s.Errorf("the finding is %v", f)
	}
	for _, saved := range []*tree.Saved{user, labelled} {
		p := s.prove(saved, snapshot, proof.Options{})
		if p.Counts[proof.Unsaved] != 1 || p.Counts[proof.Excluded] == 0 || p.Matched != p.Objects {
			s.Errorf("of %+v the proof is %v, and it finds %v", p.Selection, p, p.Findings)
		}
		// The same from the API, where some classes are not known from metadata.
		p, err := proof.FromAPI(s.ctx, s.side(saved), s.node.RESTConfig(s))
		must(s, err)
		if p.Counts[proof.Unsaved] != 0 {
			s.Errorf("the proof is %v, and it finds %v", p, p.Findings)
		}
	}
}

// opts are what is wrong in a scene from the beginning.
type opts struct {
	encrypted     bool
	stored, shown []string // what etcd and what the API has of it
}

// faults makes one of every kind, and holds what is dumped against what there is.
func faults(s *scene, o opts) {
	s.ctx = stuck(s.T)
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
	s.saved = saved

	found := []string{
		"unsaved ghosts/ghost", "unsaved podsecuritypolicies/strict", "unsaved configmaps/dropped",
		"unsaved configmaps/doomed-and-dropped", "unsaved secrets/dropped-secret",
		"created configmaps/late", "deleted configmaps/doomed",
	}
	found = append(found, o.stored...)
	unsaved := 5 + strings.Count(strings.Join(o.stored, " "), "unsaved")
	s.part("api", func(s *scene) {
		p := s.fromAPI(saved)
		// It knows of a kind that is hidden, but not of its objects; nor of the policy, nor of what is no more.
		s.want(p, append(o.shown, "unchecked ghosts/",
			"unsaved configmaps/dropped", "unsaved secrets/dropped-secret", "created configmaps/late",
			"deleted configmaps/doomed", "changed configmaps/edited")...)
		if p.Strength != proof.APIOnly || p.Complete() || p.Matched < 1000 {
			s.Errorf("the proof is %v", p)
		}
	})
	snapshot := s.snapshot()
	s.part("exact", func(s *scene) {
		p := s.prove(saved, snapshot, proof.Options{})
		s.want(p, append(found, "deleted configmaps/doomed-and-dropped")...)
		if p.Strength != proof.Exact || p.Counts[proof.Unsaved] != unsaved || p.Matched != p.Objects {
			s.Errorf("the proof is %v", p)
		}
		for name, kind := range map[string]string{"ghost": "Ghost", "dropped": "ConfigMap"} {
			if f := s.find(p, name); f.ObjectKind != kind || f.UID != s.uids[name] || f.Namespace != "default" {
				s.Errorf("the finding is %v", f)
			}
		}
		s.inSet(p)
		if f := s.find(p, "strict"); f.EtcdKey != s.policy("strict") || f.UID != "uid-of-policy" {
			s.Errorf("the finding is %v", f)
		}
		uid := s.uids["dropped-secret"]
		if o.encrypted {
			config, err := os.ReadFile(filepath.Join(s.node.Root, bed.EncryptionConfig))
			must(s, err)
			if f := s.find(s.prove(saved, snapshot, proof.Options{Encryption: config}), "dropped-secret"); f.UID != uid {
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
	s.last = snapshot
}

// withoutHistory is later, when the API server has begun anew: it can't say any more what is new. But it has counted.
func withoutHistory(s *scene) {
	s.restart("--etcd-count-metric-poll-period=1s")
	client, err := rest.HTTPClientFor(s.node.RESTConfig(s))
	must(s, err)
	s.await(func() bool {
		response, err := client.Get(s.node.RESTConfig(s).Host + "/metrics")
		must(s, err)
		defer response.Body.Close()
		b, err := io.ReadAll(response.Body)
		must(s, err)
		return regexp.MustCompile(`apiserver_resource_objects{group="",resource="secrets"} [1-9]`).Match(b)
	})
	p := s.fromAPI(s.saved)
	s.want(p, "unchecked secrecies/", "unchecked */", "unchecked ghosts/",
		"unsaved configmaps/dropped", "unsaved secrets/dropped-secret",
		"unchecked configmaps/late", "deleted configmaps/doomed", "changed configmaps/edited")
	if f := s.find(p, "late"); !strings.Contains(f.Why, "or changed since and missed by it") {
		s.Errorf("the finding is %v", f)
	}
	blind := strings.Join(p.Blind, "\n")
	if !strings.Contains(blind, "objects it is not known") || strings.Contains(blind, "in its storage") {
		s.Errorf("it says that it can't see: %s", blind)
	}
}

// commands are what a user would run, on what is wrong and then on what is good.
func commands(s *scene) {
	config := filepath.Join(s.node.Root, bed.EncryptionConfig)
	args := []string{"prove", "completeness", s.dir, "--snapshot", s.last,
		"--etcd-prefix", s.prefix, "--encryption-config", config}
	o := command.Run(s.T, "", args...)
	command.Bad(s.T, o, 1, "5 unsaved")
	for _, says := range []string{"unsaved   Ghost ghosts.proofs.example.com/ghost -n default", "proof     not complete (exact)"} {
		if !strings.Contains(o.Stdout, says) {
			s.Errorf("it does not say %q:\n%s", says, o.Stdout)
		}
	}
	o = command.Run(s.T, "", append(args, "-o", "json")...)
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
	s.await(func() bool {
		o = command.RunOn(s.T, s.node, "prove", "completeness", s.dir, "--kubeconfig", s.node.Kubeconfig())
		return !strings.Contains(o.Stdout, late)
	})
	command.Bad(s.T, o, 1, "0 unsaved", "1 that can't be told") // the definition is there, and what there is of it the API does not tell
	must(s.T, os.Remove(filepath.Join(s.dir, "namespaces/default/configmaps/late.yaml")))
	o = command.Run(s.T, "", args...)
	command.Bad(s.T, o, 1, "1 unsaved")
	if !strings.Contains(o.Stdout, "configmaps/late -n default") {
		s.Errorf("it does not say what is lost:\n%s", o.Stdout)
	}
	command.Bad(s.T, command.Run(s.T, "", "prove"), 2)
	command.Bad(s.T, command.Run(s.T, "", "prove", "completeness"), 2)
	for _, flag := range []string{"--etcd-prefix", "--encryption-config"} { // which are of the snapshot that is not there
		command.Bad(s.T, command.Run(s.T, "", "prove", "completeness", s.dir, flag, config), 2, "--snapshot")
	}
	command.Bad(s.T, command.Run(s.T, "", "prove", "completeness", s.dir, "--snapshot", args[4]), 1,
		"unsaved", "is the snapshot of the same cluster, and --etcd-prefix right?")
	command.Bad(s.T, command.Run(s.T, "", "prove", "completeness", s.TempDir(), "--snapshot", s.last), 1, "index.json")
	var plain map[string]any
	must(s.T, json.Unmarshal([]byte(command.Run(s.T, "", append(args, "-o", "json")...).Stdout), &plain))
}
