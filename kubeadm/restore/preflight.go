package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// askLimit is how long something that may be down is waited for.
const askLimit = 5 * time.Second

// preflight looks whether the plan can be carried out, and what is there before. It changes nothing.
func (m *machine) preflight(ctx context.Context, p *Plan) (*was, error) {
	if err := m.at.usable(); err != nil {
		return nil, err
	}
	if p.Room > 0 {
		if err := checkRoom(nearest(m.at.data), p.Room); err != nil {
			return nil, err
		}
	}
	if err := cmp.Or(m.host.check(ctx, p), m.seeing(p), p.reachable(ctx)); err != nil {
		return nil, err
	}
	found := &was{}
	for _, one := range p.pods() {
		if exists(filepath.Join(m.at.root, one.manifest)) {
			found.Manifests = append(found.Manifests, filepath.Base(one.manifest))
		}
	}
	if len(found.Manifests) > 0 {
		if err := m.sameNode(p); err != nil {
			return nil, err
		}
	}
	m.askEtcd(ctx, p, found)
	if !p.Alone && !found.Etcd && len(p.Members) == 0 {
		return nil, errors.New("which other members the cluster had is not known, as etcd does not answer: " +
			"give those of the snapshot, or say that none serves any more")
	}
	if err := p.alone(ctx, found.Members); err != nil {
		return nil, err
	}
	if !p.has(apiServer) {
		return found, nil
	}
	m.askAPI(ctx, p, found)
	if p.Alone || found.API {
		return found, nil
	}
	return found, m.noOther(ctx, p)
}

// reachable sees that the ports of the plan are this machine's, as only then they say when a program has ended.
func (p *Plan) reachable(ctx context.Context) error {
	for _, one := range p.pods() {
		for _, host := range p.ports(one.program) {
			if state, err := ask(ctx, host); err != nil || state == silent {
				return cmp.Or(err, notHere(host))
			}
		}
	}
	return nil
}

func notHere(host string) error {
	return fmt.Errorf("nothing comes from %s, not even that nobody listens: is that address one of this machine?", host)
}

// noOther asks whoever the kubeconfigs name while the node's own kube-apiserver does not answer: control planes that have
// joined since the backup are in no snapshot, and a load balancer leads to them.
func (m *machine) noOther(ctx context.Context, p *Plan) error {
	conf, err := m.adminConf(m.now())
	if err != nil {
		return nil // what the source brings is looked at later
	}
	config, err := clientcmd.BuildConfigFromFlags("", conf)
	if err != nil {
		return nil
	}
	server := config.Host
	client, err := newAPI(config)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	if _, err := clusterUID(ctx, client); err == nil {
		return fmt.Errorf("the cluster is served at %s, and not by this node: stop its other control planes, or there will "+
			"be two clusters", server)
	}
	return nil
}

// sameNode reads the node as it is now: the plan may be older, or of a backup. Two manifests of one pod are an error there.
func (m *machine) sameNode(p *Plan) error {
	now, err := kubeadm.Read(kubeadm.NodeFS(m.at.root), kubeadm.Options{ManifestDir: p.manifestDir()})
	if err != nil {
		if errors.Is(err, kubeadm.ErrNoEtcd) {
			return nil // some of the manifests are lost
		}
		return err
	}
	e := now.Etcd
	switch {
	case e.External:
		return nil // the manifest of etcd is lost
	case e.DataDir.Value != p.Node.Etcd.DataDir.Value:
		return fmt.Errorf("the plan is for data in %s, and the node's etcd has it in %s: plan anew",
			p.Node.Etcd.DataDir.Value, e.DataDir.Value)
	case e.Name.Value != p.Node.Etcd.Name.Value || peerURLs(&e) != peerURLs(&p.Node.Etcd):
		return fmt.Errorf("the plan is for member %s at %s, and the node's is %s at %s: plan anew",
			p.Node.Etcd.Name.Value, peerURLs(&p.Node.Etcd), e.Name.Value, peerURLs(&e))
	}
	return nil
}

// askEtcd asks the node's own etcd for its members, if it answers: this member alone, as there may be no quorum.
func (m *machine) askEtcd(ctx context.Context, p *Plan, found *was) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	client, err := m.dialEtcd(p)
	if err != nil {
		return
	}
	defer client.Close()
	list, err := client.MemberList(ctx, clientv3.WithSerializable())
	if err != nil {
		return
	}
	found.Etcd = true
	// One that does not know it leaves the age of the snapshot to go by.
	if got, err := client.Get(ctx, "health", clientv3.WithSerializable()); err == nil {
		found.Revision = got.Header.Revision
	}
	for _, one := range list.Members {
		found.Members = append(found.Members, kubeadm.Member{
			ID: fmt.Sprintf("%x", one.ID), Name: one.Name, PeerURLs: one.PeerURLs, ClientURLs: one.ClientURLs, Learner: one.IsLearner,
		})
	}
	_, err = client.Get(ctx, "health")
	found.Quorum = err == nil
}

// askAPI asks the node's own kube-apiserver for the identity of the cluster, if it answers. One that listens and does not
// tell may have lost its etcd.
func (m *machine) askAPI(ctx context.Context, p *Plan, found *was) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	client, err := m.dialAPI(p)
	if err == nil {
		found.UID, err = clusterUID(ctx, client)
	}
	if found.API = err == nil; found.API {
		found.Ready = client.ready(ctx) == nil // one may answer for months and not be that
		return
	}
	if state, _ := ask(ctx, p.ports(apiServer)[0]); state != closed {
		found.Notes = append(found.Notes, "kube-apiserver ran and could not be asked, so that its cluster was not held against that "+
			"of the snapshot: "+err.Error())
	}
}

// names reports whether a manifest was there before.
func (w *was) names(one pod) bool { return slices.Contains(w.Manifests, filepath.Base(one.manifest)) }

// mkdirFor makes a directory with the owner of another one.
func mkdirFor(dir, like string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := os.Stat(like)
	if err != nil {
		return err
	}
	return chown(dir, info)
}
