package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

// RollbackOptions changes how Rollback works.
type RollbackOptions struct {
	// LoseWrites takes back a restore that has started kube-apiserver, and loses what was written to the restored cluster since.
	LoseWrites bool
}

// Rollback takes back the restore of a node that was begun and has not ended: with the old data, the old files and the old
// manifests in their places, the programs start again, and those of etcd and kube-apiserver that answered before are waited
// for, kube-apiserver until it is ready if it was. A restore that was committed is none any more. After an error, or if it is
// killed, the same call goes on. It changes nothing where the data directory is another one than the restore has found, since a
// file system is not mounted.
//
// The error wraps [ErrNone], [ErrStarted] and [ErrJournal].
func Rollback(ctx context.Context, host Host, dataDir string, opts RollbackOptions) (*Report, error) {
	host, err := host.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("roll back restore: %w", err)
	}
	j, err := unfinished(host.Root, dataDir)
	if err != nil {
		return nil, fmt.Errorf("roll back restore of %s: %w", dataDir, err)
	}
	m := &machine{journal: j, at: j.plan.places(host.Root), host: host}
	defer m.close()
	if m.started() && !opts.LoseWrites && !m.is("", undoing) {
		return m.report(), fmt.Errorf("roll back restore of %s: %w: go on with it, or say that what was written since may be lost",
			dataDir, ErrStarted)
	}
	if err := m.canUndo(ctx); err != nil {
		return m.report(), fmt.Errorf("roll back restore of %s: %w", dataDir, err)
	}
	if err := m.undo(ctx, "a call of Rollback"); err != nil {
		return m.report(), fmt.Errorf("roll back restore of %s: %w", dataDir, err)
	}
	return m.report(), nil
}

// canUndo sees that it can be told when the programs have ended, which may be called for from elsewhere than the restore was.
func (m *machine) canUndo(ctx context.Context) error {
	if !m.is(stepFence, began) {
		return nil
	}
	host := m.host
	host.Kubelet = nil // without which it may go as well
	return cmp.Or(host.check(ctx, m.plan), m.seeing(m.plan))
}

// started reports whether there can be writes that are not in the old data.
func (r *record) started() bool { return r.is(stepAPI, began) || r.is(stepKubelet, began) }

// undo takes back what was begun.
func (m *machine) undo(ctx context.Context, why string) error {
	if err := m.sameData(m.at); err != nil {
		return err
	}
	if !m.is("", undoing) {
		if err := m.tell(line{State: undoing, Why: why}); err != nil {
			return err
		}
	}
	if m.is(stepSwap, began) {
		if err := m.undoStep(ctx, stepSwap, m.backToOld); err != nil {
			return err
		}
	}
	if m.is(stepFence, began) {
		if err := m.undoStep(ctx, stepFence, m.unfence); err != nil {
			return err
		}
	}
	if err := m.undoStep(ctx, stepStage, func(context.Context) error { return m.unstage() }); err != nil {
		return err
	}
	return m.tell(line{State: undone})
}

func (m *machine) undoStep(ctx context.Context, name string, undo func(context.Context) error) error {
	if m.is(name, undone) {
		return nil
	}
	if err := undo(ctx); err != nil {
		return fmt.Errorf("undo %s: %w", name, err)
	}
	return m.tell(line{Step: name, State: undone})
}

// backToOld stops whatever of the new cluster runs, and has the old data and files take their places again.
func (m *machine) backToOld(ctx context.Context) error {
	for _, one := range m.plan.stopping() {
		if !exists(m.manifest(one)) {
			continue
		}
		if err := m.setAside(one); err != nil {
			return err
		}
	}
	if err := m.stopKubelet(ctx); err != nil {
		return err
	}
	for _, one := range m.plan.stopping() {
		if err := m.wait(ctx, one.program+" to stop", func(ctx context.Context) error { return m.stopped(ctx, one) }); err != nil {
			return err
		}
	}
	return m.unswap()
}

// setAside moves away a manifest that is in the manifest directory. If one is held already, that is the node's own, and this
// one has come back, from somebody else.
func (m *machine) setAside(one pod) error {
	to := m.held(one)
	if exists(to) {
		to = filepath.Join(m.at.hold, "came-back-"+filepath.Base(to))
	}
	m.host.Changed("move away " + m.manifest(one))
	return move(m.manifest(one), to)
}

// unfence puts the manifests back that were there before, and waits for those programs that answered before.
func (m *machine) unfence(ctx context.Context) error {
	for _, one := range m.plan.pods() {
		if !m.was.names(one) {
			continue
		}
		if !exists(m.held(one)) {
			if !exists(m.manifest(one)) {
				return fmt.Errorf("%s is not there, and not in %s any more: put it back", m.manifest(one), m.at.hold)
			}
			continue
		}
		if exists(m.manifest(one)) {
			if err := m.setAside(one); err != nil {
				return err
			}
		}
		m.host.Changed("move back " + m.manifest(one))
		if err := move(m.held(one), m.manifest(one)); err != nil {
			return err
		}
	}
	return m.startOld(ctx)
}

// startOld has the kubelet run the old programs, and waits for them. A kubelet that can't be restarted does so by itself, as a
// rule, if it was not stopped: whether it does is seen where they answered before.
func (m *machine) startOld(ctx context.Context) error {
	restarted := m.restart(ctx)
	if restarted != nil && m.endsPods() {
		return restarted
	}
	if err := m.waitOld(ctx); err != nil && restarted != nil {
		return fmt.Errorf("%w; and %w", restarted, err)
	} else if err != nil || restarted == nil {
		return err
	}
	return m.tell(line{Step: stepFence, State: noted, Notes: []string{"the kubelet was not restarted: " + restarted.Error()}})
}

// waitOld waits for those that answered before.
func (m *machine) waitOld(ctx context.Context) error {
	if m.was.Etcd {
		if err := m.wait(ctx, "the old etcd to answer", m.etcdAnswers); err != nil {
			return err
		}
	}
	if m.was.API {
		return m.wait(ctx, "the old kube-apiserver to answer", m.apiAnswers)
	}
	return nil
}

// etcdAnswers wants an etcd that is as it was. Without the others one may not serve at all once it has started anew: then it
// has to listen.
func (m *machine) etcdAnswers(ctx context.Context) error {
	if !m.was.Quorum {
		return serves(ctx, m.plan.ports(etcd))
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	client, err := m.dialEtcd(m.plan)
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = client.Get(ctx, "health")
	return err
}

// apiAnswers wants the old cluster, and no other, and one that is ready if it was before: until then it may know no rights yet,
// and refuse what the controllers and people ask.
func (m *machine) apiAnswers(ctx context.Context) error {
	client, err := m.dialAPI(m.plan)
	if err != nil {
		return err
	}
	uid, err := clusterUID(ctx, client)
	if err == nil && uid != m.was.UID {
		err = errors.New("it has another kube-system than before")
	}
	if err == nil && m.was.Ready {
		err = client.ready(ctx)
	}
	return err
}
