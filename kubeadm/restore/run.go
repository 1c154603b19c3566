package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"

	"github.com/clustersnap/clustersnap/internal/durable"
)

var (
	// ErrRefused is the error of a restore that must not be done as things are. Nothing was changed.
	ErrRefused = errors.New("the restore is refused")
	// ErrStarted is the error of a restore that failed after it had started kube-apiserver: it is not rolled back by itself.
	ErrStarted = errors.New("kube-apiserver was started")
	// ErrRollingBack is the error of a restore whose rollback has begun and not ended.
	ErrRollingBack = errors.New("the restore is being rolled back: call Rollback until it has ended")
)

// Run carries out a plan, or goes on with it if it was begun: [Unfinished] gives the plan then, with which the call is the
// same.
//
// After an error everything is as it was before, or the error is [ErrStarted]: then the same call goes on once the cause is
// gone, and [Rollback] takes all back, for a price. It is [ErrRefused] if nothing was touched, with [ErrUnfinished] if that is
// because of another restore. Where the rollback failed, too, the error says so, and Rollback goes on with it.
//
// If the process is killed, or the machine loses power, the next call goes on where it was; meanwhile the control plane may be
// stopped. A call that finds another data directory than the first one did, since a file system is not mounted, changes
// nothing, and neither does one that finds a journal of which another process or a rollback is in charge, or that it can't
// read: [ErrRollingBack], [ErrJournal].
//
// The report is nil if nothing was begun.
func Run(ctx context.Context, host Host, plan *Plan, src Source) (*Report, error) {
	host, err := host.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("restore control plane: %w", err)
	}
	m, err := begin(ctx, host, plan, src)
	if err != nil {
		return nil, fmt.Errorf("restore control plane: %w", err)
	}
	defer m.close()
	if err := m.run(ctx); err != nil {
		return m.report(), fmt.Errorf("restore control plane: %w", err)
	}
	report := m.report()
	if err := m.tidy(); err != nil {
		report.Notes = append(report.Notes, "Prune will remove what is left of no use: "+err.Error())
	}
	return report, nil
}

// machine is a restore at work.
type machine struct {
	*journal
	at   places
	host Host
	src  Source
	last int64 // revision of the old etcd that is known when the new data is staged
}

// begin opens the journal of the plan, or looks whether the plan can be carried out and begins one.
func begin(ctx context.Context, host Host, plan *Plan, src Source) (*machine, error) {
	if len(plan.Refused) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrRefused, plan.Refused[0])
	}
	if refused := plan.refusals(); len(refused) > 0 { // it may have been read from a file
		return nil, fmt.Errorf("%w: %s", ErrRefused, refused[0])
	}
	if src.Stage == nil {
		return nil, errors.New("the source has no Stage: there is nothing to restore")
	}
	m := &machine{at: plan.places(host.Root), host: host, src: src}
	j, err := unfinished(host.Root, plan.Node.Etcd.DataDir.Value)
	switch {
	case err == nil:
		m.journal, m.at = j, j.plan.places(host.Root)
		return m, m.resumes(ctx, plan)
	case !errors.Is(err, ErrNone):
		return nil, err
	}
	m.journal = &journal{record: record{plan: plan}} // what looks at the node goes by it; there is no file yet
	before, err := m.preflight(ctx, plan)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if err := m.create(line{Version: journalVersion, Plan: plan, Was: before, State: began, Time: host.Now()}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return m, nil
}

// create begins a journal, unless another process has done that meanwhile.
func (m *machine) create(first line) error {
	if err := makeAll(m.at.state); err != nil {
		return err
	}
	dir, err := os.Open(m.at.state)
	if err != nil {
		return err
	}
	defer dir.Close()
	if locked, err := durable.Lock(dir); err != nil || !locked {
		return errors.Join(err, fmt.Errorf("another process begins a restore: %s is locked", m.at.state))
	}
	other, err := unfinished(m.at.root, first.Plan.Node.Etcd.DataDir.Value)
	if !errors.Is(err, ErrNone) {
		return errors.Join(fmt.Errorf("%w: it has begun meanwhile", ErrUnfinished), err, other.close())
	}
	if err := first.Plan.heldElsewhere(m.at); err != nil {
		return err
	}
	m.journal, err = createJournal(filepath.Join(m.at.state, first.Plan.ID+journalSuffix), first)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("this plan has been carried out, or taken back: plan anew: %w", err)
	}
	return err
}

// resumes holds the journal that was found against the plan that is asked for, and looks whether the old cluster is back.
func (m *machine) resumes(ctx context.Context, plan *Plan) error {
	if m.plan.ID != plan.ID || !reflect.DeepEqual(m.plan.Node.Etcd, plan.Node.Etcd) {
		err := fmt.Errorf("%w: %w: that is %s, and %s is asked for", ErrRefused, ErrUnfinished, m.plan.ID, plan.ID)
		return errors.Join(err, m.close())
	}
	if m.is("", undoing) {
		return errors.Join(ErrRollingBack, m.close())
	}
	if m.started() { // then members may have joined it
		return nil
	}
	m.plan.Alone = m.plan.Alone || plan.Alone
	err := cmp.Or(m.host.check(ctx, m.plan), m.seeing(m.plan), m.plan.alone(ctx, m.was.Members))
	if err != nil {
		return errors.Join(fmt.Errorf("go on: %w", err), m.close())
	}
	return nil
}

// step is one that can be done and taken back, both again and again.
type step struct {
	name string
	do   func(context.Context) (line, error)
}

// forward are the steps of this node.
func (m *machine) forward() []step {
	list := []step{{stepStage, m.stage}, {stepFence, m.fence}, {stepSwap, m.swap}, {stepEtcd, m.startEtcd}}
	if m.plan.has(apiServer) {
		list = append(list, step{stepAPI, m.startAPI}, step{stepControllers, m.startControllers})
	}
	return append(list, step{stepKubelet, m.restartKubelet})
}

// run does what is not done yet.
func (m *machine) run(ctx context.Context) error {
	m.host.Changed("journal: began")
	if err := m.sameData(m.at); err != nil { // nothing is taken back there either
		return fmt.Errorf("go on: %w", err)
	}
	for _, s := range m.forward() {
		if m.is(s.name, done) {
			continue
		}
		if err := m.do(ctx, s); err != nil {
			return m.failed(ctx, s, err)
		}
	}
	if err := m.tell(line{State: committed}); err != nil {
		return fmt.Errorf("%w, and all is done but to note that: %w", ErrStarted, err)
	}
	return nil
}

func (m *machine) do(ctx context.Context, s step) error {
	if !m.is(s.name, began) {
		if err := m.tell(line{Step: s.name, State: began}); err != nil {
			return err
		}
	}
	result, err := s.do(ctx)
	if err != nil {
		return err
	}
	result.Step, result.State = s.name, done
	return m.tell(result)
}

// tell writes a line.
func (m *machine) tell(l line) error {
	l.Time = m.host.Now()
	if err := m.write(l); err != nil {
		return err
	}
	what := l.State
	if l.Step != "" {
		what = l.Step + " " + l.State
	}
	m.host.Changed("journal: " + what)
	return nil
}

// failed takes everything back unless there can be new writes.
func (m *machine) failed(ctx context.Context, s step, err error) error {
	err = fmt.Errorf("%s: %w", s.name, err)
	if m.is(stepAPI, began) || m.is(stepKubelet, began) {
		return fmt.Errorf("%w, and this is not undone by itself: %w", ErrStarted, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoWaits*m.host.Limit)
	defer cancel()
	if uerr := m.undo(ctx, err.Error()); uerr != nil {
		return fmt.Errorf("%w; rolling back failed, too: %w", err, uerr)
	}
	if !m.is(stepFence, began) {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return fmt.Errorf("%w; everything is as it was before", err)
}
