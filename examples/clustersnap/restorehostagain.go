package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/kubeadm"
	"github.com/clustersnap/clustersnap/kubeadm/restore"
)

// before is the restore of the same set that was done on this machine, if one was: nothing but the commands after it is left.
// They end with the removal of kubeadm's configuration.
func (p *hostPlan) before(root string, set *clustersnap.Set) (*restore.Report, error) {
	report, err := restore.Last(root, p.node.Etcd.DataDir.Value)
	if errors.Is(err, restore.ErrNone) {
		return nil, nil
	}
	if err != nil || report.Source != sourceOf(set) {
		return nil, err
	}
	now, err := kubeadm.Read(kubeadm.NodeFS(root), kubeadm.Options{})
	if err != nil {
		return nil, err
	}
	if now.Etcd.Name.Value != p.node.Etcd.Name.Value || now.Etcd.InitialCluster.Value != p.node.Etcd.InitialCluster.Value {
		return nil, nil
	}
	if _, err := os.Lstat(filepath.Join(root, p.left.ConfigPath)); errors.Is(err, os.ErrNotExist) {
		p.left.Steps = nil
	}
	return report, nil
}

// sameHost holds the plan that was begun against the one that is asked for.
func (p *hostPlan) sameHost() error {
	begun, now := p.plan.Node.Etcd, p.node.Etcd
	if begun.Name.Value != now.Name.Value || begun.InitialCluster.Value != now.InitialCluster.Value {
		return fmt.Errorf("a restore of %s has not ended here: give that name and address, or take it back by "+
			"\"clustersnap restore undo\"", begun.InitialCluster.Value)
	}
	return nil
}
