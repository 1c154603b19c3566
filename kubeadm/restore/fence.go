package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/clustersnap/clustersnap/internal/durable"
	"github.com/clustersnap/clustersnap/kubeadm"
)

// pollInterval is how often a fact is looked at that is waited for.
const pollInterval = 100 * time.Millisecond

// held is where a manifest is while its program may not run, and manifest where it is while it may.
func (m *machine) held(one pod) string     { return filepath.Join(m.at.hold, filepath.Base(one.manifest)) }
func (m *machine) manifest(one pod) string { return filepath.Join(m.at.root, one.manifest) }

func (m *machine) makeHold() error {
	if exists(m.at.hold) {
		return nil
	}
	if err := os.Mkdir(m.at.hold, 0o700); err != nil {
		return err
	}
	return durable.Sync(filepath.Dir(m.at.hold))
}

// fence stops the programs of the control plane, etcd last, and waits until they have ended.
func (m *machine) fence(ctx context.Context) (line, error) {
	if err := m.makeHold(); err != nil {
		return line{}, err
	}
	if err := m.stopKubelet(ctx); err != nil {
		return line{}, err
	}
	all := m.plan.stopping()
	last := len(all) - 1
	for _, group := range [][]pod{all[:last], all[last:]} {
		for _, one := range group {
			if err := m.takeOut(one); err != nil {
				return line{}, err
			}
		}
		for _, one := range group {
			if err := m.wait(ctx, one.program+" to stop", func(ctx context.Context) error { return m.stopped(ctx, one) }); err != nil {
				return line{}, err
			}
		}
	}
	return line{}, m.waitEnded(ctx)
}

// waitEnded waits until none of the programs runs, all of them looked at in one go: one that had ended may have been started
// again while others were waited for.
func (m *machine) waitEnded(ctx context.Context) error {
	return m.wait(ctx, "the control plane to stay stopped", func(ctx context.Context) error {
		if err := m.fenced(programs()...); err != nil {
			return &fatalError{err}
		}
		return m.ended(ctx, m.plan.stopping()...)
	})
}

// ended is an error if one of the programs runs.
func (m *machine) ended(ctx context.Context, all ...pod) error {
	for _, one := range all {
		if err := m.stopped(ctx, one); err != nil {
			return fmt.Errorf("%s: %w", one.program, err)
		}
	}
	return nil
}

// takeOut moves a manifest to where the kubelet does not see it.
func (m *machine) takeOut(one pod) error {
	from, to := m.manifest(one), m.held(one)
	if exists(to) {
		return m.fenced(one.program)
	}
	m.host.Changed("move away " + from)
	return move(from, to)
}

// putIn moves it back.
func (m *machine) putIn(one pod) error {
	from, to := m.held(one), m.manifest(one)
	if !exists(from) && exists(to) {
		return nil
	}
	if err := m.fenced(one.program); err != nil {
		return err
	}
	m.host.Changed("move back " + to)
	return move(from, to)
}

// move renames, and is done once that is on disk.
func move(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return errors.Join(durable.Sync(filepath.Dir(from)), durable.Sync(filepath.Dir(to)))
}

// fenced is an error if a manifest of one of the programs is in the manifest directory, under its own name or another one.
func (m *machine) fenced(names ...string) error {
	for _, one := range m.plan.pods() {
		if slices.Contains(names, one.program) && exists(m.manifest(one)) {
			return m.cameBack(m.manifest(one), "it is there")
		}
	}
	if !exists(m.at.dir) {
		return nil
	}
	node, err := kubeadm.Read(kubeadm.NodeFS(m.at.root), kubeadm.Options{ManifestDir: m.plan.manifestDir()})
	if errors.Is(err, kubeadm.ErrNoEtcd) {
		return nil
	}
	if err != nil {
		return m.cameBack(m.at.dir, err.Error())
	}
	for _, p := range node.Programs {
		if slices.Contains(names, p.Name) && m.plan.has(p.Name) {
			return m.cameBack(filepath.Join(m.at.root, p.Image.Source.File), "it runs "+p.Name)
		}
	}
	return nil
}

func (m *machine) cameBack(where, why string) error {
	return fmt.Errorf("a manifest has come back to %s (%s): stop what writes there, such as a configuration management",
		where, why)
}

// stopped says what of a program still runs. A port that is closed does not say that it has ended: kube-apiserver closes its
// own first, and goes on with etcd for its grace of 30 s.
func (m *machine) stopped(ctx context.Context, one pod) error {
	if m.host.Containers != nil {
		if err := m.uncontained(ctx, one); err != nil {
			return err
		}
	}
	for _, host := range m.plan.ports(one.program) {
		state, err := ask(ctx, host)
		if err != nil {
			return err
		}
		switch {
		case state == listens:
			return &runningError{"something listens at " + host}
		case state == silent && !m.is("", undoing): // the address may have gone meanwhile, and the way back has to be open
			return notHere(host)
		}
	}
	if one.program != etcd { // which has a lock, and whose name others use
		return m.noProcess(one)
	}
	db, err := lockDatabase(m.at.database())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return db.Close()
}

// ports are those that a program listens on.
func (p *Plan) ports(program string) (hosts []string) {
	if program == etcd {
		for _, u := range slices.Concat(p.Node.Etcd.Endpoints, p.Node.Etcd.PeerURLs) {
			hosts = append(hosts, hostOf(u.Value))
		}
		return hosts
	}
	for _, one := range p.Node.Programs {
		switch {
		case one.Name == program && one.Serves.Value != "":
			hosts = append(hosts, one.Serves.Value)
		case one.Name == program && program == apiServer: // of a backup or a journal from before that was noted
			hosts = append(hosts, usualServer)
		}
	}
	return hosts
}

// usualServer is where kube-apiserver serves unless its manifest says otherwise.
const usualServer = "127.0.0.1:6443"

// wait looks at a fact until it is there, and for no longer than the host's limit. The error is what was last in the way before
// the time was over: what a question says that is cut short then is of no use.
func (m *machine) wait(ctx context.Context, what string, fact func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, m.host.Limit)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	var inTheWay error
	for {
		err := fact(limited)
		inTime := limited.Err() == nil
		if err == nil && inTime { // a port that was not asked to the end is none that is closed
			return nil
		}
		if fatal := new(fatalError); inTime && errors.As(err, &fatal) {
			return fatal.error
		}
		if inTime || inTheWay == nil {
			inTheWay = err
		}
		select {
		case <-tick.C:
		case <-limited.Done():
			if ctx.Err() != nil {
				return fmt.Errorf("wait for %s: %w: %w", what, context.Cause(ctx), cmp.Or(inTheWay, context.Cause(ctx)))
			}
			return fmt.Errorf("wait for %s: not within %v: %w", what, m.host.Limit, cmp.Or(inTheWay, context.Cause(limited)))
		}
	}
}

// fatalError is that of a fact that will not come.
type fatalError struct{ error }

func (e *fatalError) Unwrap() error { return e.error }
