package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/kubeadm/aftermath"
	"github.com/clustersnap/clustersnap/kubeadm/restore"
)

// lookEach is how long it takes until the cluster is looked at again, and lookLimit how long one answer may take.
const (
	lookEach  = 3 * time.Second
	lookLimit = 30 * time.Second
)

// afterwards is the look at a cluster whose etcd was put back.
type afterwards struct {
	configs []*rest.Config // the first one that works is used
	opts    aftermath.Options
	settle  time.Duration // how long to look until there is nothing to act on
	each    time.Duration // from one look to the next
}

// adminConfigs are those of the node's own kube-apiserver with all rights: super-admin.conf is on the first node only, and
// admin.conf may have ended. What they name may be a load balancer that leads to another node.
//
// One that can't be read is an error only where there is no other.
func adminConfigs(root string) (configs []*rest.Config, err error) {
	dir := filepath.Join(root, "etc/kubernetes")
	var errs []error
	for _, name := range []string{"super-admin.conf", "admin.conf"} {
		config, err := readKubeconfig(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		own, err := readKubeconfig(filepath.Join(dir, "controller-manager.conf"))
		if err == nil {
			config.Host = own.Host
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		config.Timeout = lookLimit
		configs = append(configs, config)
	}
	if configs == nil && errs != nil {
		return nil, errors.Join(errs...)
	}
	if configs == nil {
		return nil, fmt.Errorf("neither super-admin.conf nor admin.conf is in %s", dir)
	}
	return configs, nil
}

// once looks at the cluster as it is now.
func (a *afterwards) once(ctx context.Context) (*aftermath.Report, error) {
	var errs []error
	for _, config := range a.configs {
		report, err := aftermath.Inspect(ctx, config, time.Now(), a.opts)
		if err == nil {
			return report, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// look looks until there is nothing to act on or the time is over: some of what a restore leaves goes by itself. It gives what
// was seen last.
func (a *afterwards) look(ctx context.Context) (*aftermath.Report, error) {
	end := time.After(a.settle)
	tick := time.NewTicker(a.each)
	defer tick.Stop()
	for {
		report, err := a.once(ctx)
		if err == nil && toAct(report) == 0 || a.settle <= 0 {
			return report, err
		}
		select {
		case <-tick.C:
		case <-end:
			return report, err
		case <-ctx.Done():
			return report, err
		}
	}
}

// toAct counts what is to be acted on.
func toAct(report *aftermath.Report) (count int) {
	for _, f := range report.Findings {
		if f.Severity == aftermath.Act {
			count++
		}
	}
	return count
}

// after says what is to be done in the cluster. The restore is committed: that this can't be seen makes it no worse.
func (r *restoreFlags) after(ctx context.Context, out steps, done *restore.Report) {
	a := afterwards{opts: aftermath.Options{Before: done.Before}, settle: r.settle, each: lookEach}
	var report *aftermath.Report
	configs, err := adminConfigs(r.root)
	if a.configs = configs; err == nil {
		out.line("look", fmt.Sprintf("at the cluster, for up to %v as long as there is something to act on", r.settle))
		report, err = a.look(ctx)
	}
	if err == nil {
		err = report.WriteText(out.out)
	}
	if err != nil {
		out.line("note", `the cluster could not be looked at: ask "clustersnap restore report" for what is to be done there: `+
			err.Error())
		return
	}
	if n := toAct(report); n > 0 {
		out.line("act", fmt.Sprintf(`on %s: then ask "clustersnap restore report" again`, count(n, "finding")))
	}
}
