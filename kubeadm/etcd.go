package kubeadm

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Etcd is a node's etcd member as its static pod declares it. What the running
// member says may differ, as etcd ignores some flags once it has data: ask it
// for its member list where it can be reached.
type Etcd struct {
	// Name is the member's name.
	Name Setting `json:"name"`
	// PeerURL is the first URL that the member advertises to its peers. kubeadm
	// finds members by it.
	PeerURL Setting `json:"peerURL"`
	// InitialCluster is name=peerURL,... as the manifest has it; etcd takes
	// Name=PeerURL where it is zero. It is not the member list: the first
	// node's holds itself only, and "kubeadm upgrade" reduces each to that.
	InitialCluster Setting `json:"initialCluster,omitzero"`
	// DataDir is the node's directory with the member's data.
	DataDir Setting `json:"dataDir"`
	// Endpoints are the URLs to reach this member at from its own node: those
	// on loopback that it listens on, else those that it advertises.
	Endpoints []Setting `json:"endpoints"`
	// CAFile, CertFile and KeyFile are the node's files of a client credential
	// for Endpoints, all zero where etcd serves without TLS. In order: the
	// healthcheck-client pair beside the server's, which kubeadm makes for
	// tools; what kube-apiserver uses; the server's own pair.
	CAFile   Setting `json:"caFile,omitzero"`
	CertFile Setting `json:"certFile,omitzero"`
	KeyFile  Setting `json:"keyFile,omitzero"`
	// Image is the container image.
	Image Setting `json:"image"`
}

// findEtcd returns the one container that runs etcd.
func findEtcd(pods []staticPod) (*program, error) {
	found := programs(pods, "etcd")
	switch {
	case len(found) > 1:
		a, b := found[0], found[1]
		return nil, fmt.Errorf("%w: container %s of %s and container %s of %s: leave one, copies belong outside the directory",
			ErrAmbiguous, a.container.Name, a.file, b.container.Name, b.file)
	case len(found) == 0:
		return nil, noDirectEtcd(pods)
	}
	etcd := found[0]
	if config := etcd.declared("config-file"); config != (Setting{}) {
		// etcd then ignores all other flags and variables.
		return nil, fmt.Errorf("%s is %q: %w: write them out as flags", config.Source, config.Value, ErrDynamicCommand)
	}
	return etcd, nil
}

// noDirectEtcd tells a node without etcd from one whose etcd is started by
// something else.
func noDirectEtcd(pods []staticPod) error {
	if err := startedIndirectly(pods, "etcd"); err != nil {
		return err
	}
	return fmt.Errorf("%w: none of the %d manifests in %s does: run this on a control-plane node with an etcd of its own",
		ErrNoEtcd, len(pods), manifestDir)
}

// startedIndirectly is an error if something else than its own command starts a program, such as a shell.
func startedIndirectly(pods []staticPod, name string) error {
	for _, p := range pods {
		for _, container := range p.pod.Spec.Containers {
			line := strings.Join(slices.Concat(container.Command, container.Args), " ")
			starts := slices.ContainsFunc(strings.Fields(line), func(word string) bool {
				return word == name || strings.HasSuffix(word, "/bin/"+name)
			})
			if container.Name == name || starts {
				return fmt.Errorf("%s: the command of container %s is not %s itself: %w: make it %s, with its flags",
					p.file, container.Name, name, ErrDynamicCommand, name)
			}
		}
	}
	return nil
}

// readEtcd reads a member's settings. Absent flags have etcd's defaults
// (server/embed/config.go in etcd-io/etcd).
func readEtcd(root fs.FS, etcd *program, apiservers []*program) (Etcd, error) {
	name := etcd.flag("name", "default")
	peers := etcd.flag("initial-advertise-peer-urls", "http://localhost:2380")
	listen := etcd.flag("listen-client-urls", "http://localhost:2379")
	advertise := etcd.flag("advertise-client-urls", "")
	e := Etcd{
		Name:           name,
		PeerURL:        peers,
		InitialCluster: etcd.flag("initial-cluster", ""),
		DataDir:        etcd.hostPath(etcd.flag("data-dir", name.Value+".etcd")),
		Image:          Setting{Value: etcd.container.Image, Source: etcd.source("image")},
	}
	if etcd.err != nil {
		return Etcd{}, etcd.err
	}
	first, _, _ := strings.Cut(peers.Value, ",")
	peer, err := parseURL(strings.TrimSpace(first))
	if err != nil {
		return Etcd{}, fmt.Errorf("%s: %w", peers.Source, err)
	}
	if e.PeerURL.Value = peer.String(); e.PeerURL.Value != first {
		e.PeerURL.Source.Rule = strings.TrimPrefix(peers.Source.Rule+", from "+first, ", ")
	}
	if e.Endpoints, err = localEndpoints(listen, advertise); err != nil {
		return Etcd{}, err
	}
	chosen, err := chooseCredential(root, etcd, apiservers)
	if err != nil {
		return Etcd{}, err
	}
	e.CAFile, e.CertFile, e.KeyFile = chosen.ca, chosen.cert, chosen.key
	return e, nil
}
