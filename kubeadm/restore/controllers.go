package restore

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"

// leaders are the programs of which one leads, by a lease that has the name of the program.
func (p *Plan) leaders() (list []pod) {
	for _, one := range p.pods() {
		if one.program == controllerManager || one.program == scheduler {
			list = append(list, one)
		}
	}
	return list
}

// startControllers deletes the leases of leaders that are gone, for which new ones would wait 15 s, and starts controllers and
// scheduler.
func (m *machine) startControllers(ctx context.Context) (line, error) {
	a, err := m.dialAPI(m.plan)
	if err != nil {
		return line{}, err
	}
	names, known := m.leases()
	if !known {
		err := m.asked(ctx, func(ctx context.Context) (err error) {
			names, err = m.findLeases(ctx, a)
			return err
		})
		if err != nil {
			return line{}, err
		}
		if err := m.tell(line{Step: stepControllers, State: noted, Leases: names}); err != nil {
			return line{}, err
		}
	}
	for _, one := range m.plan.leaders() {
		if exists(m.held(one)) { // so it does not run
			err := m.asked(ctx, func(ctx context.Context) error { return deleteLease(ctx, a, one.program) })
			if err != nil {
				return line{}, err
			}
		}
		if err := m.putIn(one); err != nil {
			return line{}, err
		}
	}
	for _, one := range m.plan.leaders() {
		name := one.program
		what, fact := name+" to serve", func(ctx context.Context) error { return serves(ctx, m.plan.ports(name)) }
		if slices.Contains(names, name) {
			what, fact = name+" to lead", func(ctx context.Context) error { return leads(ctx, a, name) }
		}
		if err := m.wait(ctx, what, fact); err != nil {
			return line{}, err
		}
	}
	return line{}, nil
}

// serves is an error as long as nobody listens at one of the ports: all that can be known of a program that elects no leader.
func serves(ctx context.Context, ports []string) error {
	for _, host := range ports {
		state, err := ask(ctx, host)
		if err == nil && state != listens {
			err = fmt.Errorf("nothing listens at %s", host)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// findLeases gives those of the programs that the node has. Without leader election there are none.
func (m *machine) findLeases(ctx context.Context, a *api) (names []string, err error) {
	for _, one := range m.plan.leaders() {
		err := a.get(ctx, path.Join(leases, one.program), &coordinationv1.Lease{})
		if err == nil {
			names = append(names, one.program)
		} else if !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("read lease %s: %w", one.program, err)
		}
	}
	return names, nil
}

func deleteLease(ctx context.Context, a *api, name string) error {
	if err := a.delete(ctx, path.Join(leases, name)); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete lease %s of the lost leader: %w", name, err)
	}
	return nil
}

// leads is an error as long as nobody holds a lease.
func leads(ctx context.Context, a *api, name string) error {
	var lease coordinationv1.Lease
	if err := a.get(ctx, path.Join(leases, name), &lease); err != nil {
		return err
	}
	if holder := lease.Spec.HolderIdentity; holder == nil || *holder == "" {
		return errors.New("nobody holds its lease")
	}
	return nil
}

// restartKubelet has the kubelet list anew what it watches.
func (m *machine) restartKubelet(ctx context.Context) (line, error) {
	return line{}, m.restart(ctx)
}
