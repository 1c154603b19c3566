package volfreeze

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed"
	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/quiesce"
)

// shared has one file system at three places of a pod, by two volumes, and in a second pod: it is frozen once, and thawed when
// the last one lets go of it.
func (s *scene) shared() {
	v := s.volume("shared")
	replica := idle("shared-2", nil, v.name)
	same := replica.Spec.Volumes[1]
	same.Name = "same"
	replica.Spec.Volumes = append(replica.Spec.Volumes, same)
	main := &replica.Spec.Containers[0]
	main.VolumeMounts = append(main.VolumeMounts,
		corev1.VolumeMount{Name: v.name, MountPath: "/twice"}, corev1.VolumeMount{Name: same.Name, MountPath: "/thrice"})
	s.run(replica)
	everywhere := func(p *quiesce.Pod) ([]quiesce.Mount, error) {
		all := []quiesce.Mount{{Path: csibed.MountPath(v.name)}}
		if p.Name == replica.Name {
			all = append(all, quiesce.Mount{Path: "/twice"}, quiesce.Mount{Path: "/thrice"})
		}
		return all, nil
	}
	hook := quiesce.FSFreeze(s.cluster, everywhere, quiesce.FreezeOptions{Longest: time.Hour})
	for _, order := range [][2]string{{v.name, replica.Name}, {replica.Name, v.name}} {
		first, err := hook(s.ctx, namespace, order[0])
		must(s, err)
		second, err := hook(s.ctx, namespace, order[1])
		must(s, err)
		if n := len(v.switches()); n != 1 {
			s.Errorf("%d switches, want one", n)
		}
		must(s, first(s.ctx))
		v.frozen()
		must(s, second(s.ctx))
		v.free()
	}
	v.takeShared(hook)

	// That the switch has fired is told by the last one.
	hook = quiesce.FSFreeze(s.cluster, everywhere, quiesce.FreezeOptions{Longest: time.Second})
	first, err := hook(s.ctx, namespace, v.name)
	must(s, err)
	second, err := hook(s.ctx, namespace, replica.Name)
	must(s, err)
	v.free()
	if err := errors.Join(second(s.ctx), first(s.ctx)); !errors.Is(err, quiesce.ErrThawedEarly) {
		s.Errorf("got %v, want %v", err, quiesce.ErrThawedEarly)
	}
}

// frozen checks that it can't be frozen once more.
func (v *volume) frozen() {
	v.Helper()
	if out, err := exec.Command("fsfreeze", "--freeze", v.dir).CombinedOutput(); !strings.Contains(string(out), "busy") {
		v.thawed()
		v.Fatalf("it was not frozen any more: %v: %s", err, out)
	}
}

// takeShared has both pods at rest while the claim is cut.
func (v *volume) takeShared(freeze quiesce.Hook) {
	v.Helper()
	claim := namespace + "/" + v.name
	plan, err := v.cluster.Plan(v.ctx, volsnap.Selection{Claims: []string{claim}}, volsnap.PlanOptions{})
	must(v, err)
	account, err := v.cluster.Take(v.ctx, plan, volsnap.TakeOptions{
		Run: "shared",
		Quiesce: func(ctx context.Context, namespace, pod string) (func(context.Context) error, error) {
			thaw, err := freeze(ctx, namespace, pod)
			if err != nil {
				return nil, err
			}
			return func(ctx context.Context) error {
				v.frozen()
				return thaw(ctx)
			}, nil
		},
	})
	must(v, err)
	must(v, account.Complete(volsnap.ReasonEphemeral))
	for _, r := range account.Volumes {
		if r.Claim == v.name && len(r.Frozen) != 2 {
			v.Errorf("frozen %+v, want two pods", r.Frozen)
		}
	}
	v.free()
}
