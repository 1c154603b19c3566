package quiesce

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/clustersnap/clustersnap/volsnap"
)

// ErrThawedEarly is a file system that was thawed before we did it: by its dead-man's switch, because the cut took longer than
// [FreezeOptions].Longest, or by somebody else. The cut may not be consistent.
var ErrThawedEarly = errors.New("the file system was thawed too early: the cut may not be consistent")

// ErrMayBeFrozen is a file system that could not be thawed. Its switch will do that, if its container lives.
var ErrMayBeFrozen = errors.New("the file system may still be frozen")

// Mount is a file system to freeze, as a container sees it. The container needs sh, sleep and fsfreeze, of util-linux
// or busybox, and the right to freeze, which is CAP_SYS_ADMIN: often a small privileged container that mounts the volume
// beside the one that writes to it. None of the three programs may lie on the file system that is frozen.
//
// The container must mount a claim there: a freeze of an emptyDir, a hostPath or a plain folder would be one of the node's own
// file system. The same goes for a claim whose PersistentVolume is a folder of a node (hostPath, local), which the pod does not
// tell: do not choose such a one, but claims that the plan has no Reason for. Some CSI drivers give folders of the node's disk,
// too: what is mounted there must be the root of a file system, or a subPath, and the node's own files, such as /etc/hosts, must
// be on another one.
type Mount struct {
	Container string // "" is the pod's first container
	Path      string // mount point, absolute and not /, as the container's volumeMounts have it
}

// FreezeOptions are those of [FSFreeze]. The zero value is good.
type FreezeOptions struct {
	// Longest is how long a file system stays frozen if nobody thaws it; 0 is 90 s, at least a second, at most an hour. Whole
	// seconds count. Take it longer than [volsnap.TakeOptions].CutLimit, and shorter than what writes to it bears.
	Longest time.Duration
}

// FSFreeze makes a hook that freezes file systems. mounts says which ones of a pod, and none of most: it is called for each pod
// that mounts a volume of the selection. They are frozen in that order, and thawed in the reverse one.
//
// Each freeze arms a dead-man's switch in the container before it begins: a process that thaws after [FreezeOptions].Longest,
// so that the file system comes back if this process dies, or loses its way to the cluster. It does not help against the end
// of the container, which ends the switch as well: whoever meets a file system that hangs then runs fsfreeze --unfreeze on it,
// in the pod or on the node.
//
// Thaw ends the switch, which would otherwise end a later freeze. An error of it that is [ErrThawedEarly] means that the cut
// may not be consistent; one that is [ErrMayBeFrozen], that the pod could not be reached for half a minute after the switch
// must have fired.
func FSFreeze(c *volsnap.Cluster, mounts func(*Pod) ([]Mount, error), opts FreezeOptions) Hook {
	frozen := held{systems: map[string]*system{}}
	return func(ctx context.Context, namespace, name string) (func(context.Context) error, error) {
		pod, err := ReadPod(ctx, c, namespace, name)
		if err != nil {
			return nil, err
		}
		if pod.ended() {
			return nil, nil
		}
		list, err := mounts(pod)
		if err != nil {
			return nil, fmt.Errorf("quiesce pod %s/%s: choose file systems: %w", namespace, name, err)
		}
		longest, err := opts.longest()
		if err != nil {
			return nil, fmt.Errorf("quiesce pod %s/%s: %w", namespace, name, err)
		}
		var hooks []Hook
		for _, m := range list {
			claim, err := pod.claimAt(m)
			if err != nil {
				return nil, fmt.Errorf("quiesce pod %s/%s: %w", namespace, name, err)
			}
			f := &freeze{pod: pod, mount: m, longest: longest, token: "clustersnap-" + rand.Text()}
			hooks = append(hooks, func(ctx context.Context, _, _ string) (func(context.Context) error, error) {
				return frozen.hold(ctx, pod.Spec.NodeName+"/"+namespace+"/"+claim, f.start)
			})
		}
		return All(hooks...)(ctx, namespace, name)
	}
}

// longest is what the options say, checked.
func (o FreezeOptions) longest() (time.Duration, error) {
	if o.Longest == 0 {
		return 90 * time.Second, nil
	}
	if o.Longest < time.Second || o.Longest > time.Hour {
		return 0, fmt.Errorf("a file system is frozen for at least %v and at most %v, not %v", time.Second, time.Hour, o.Longest)
	}
	return o.Longest.Truncate(time.Second), nil
}

// freeze is one file system while it is frozen.
type freeze struct {
	pod     *Pod
	mount   Mount
	longest time.Duration
	token   string // of its processes in the container
}

// start freezes. Once it has begun, it is not given up with ctx: a command that is on its way might freeze after our thaw. It
// has as long as the switch, because a freeze that lasts longer makes no sense.
func (f *freeze) start(ctx context.Context) (func(context.Context) error, error) {
	script := "# " + f.token + freezeScript
	seconds := strconv.Itoa(int(f.longest / time.Second))
	if err := ctx.Err(); err != nil {
		return nil, f.explain("freeze", err)
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.longest)
	defer cancel()
	at, part := f.pod.seen(f.mount)
	_, err := f.pod.Exec(limited, f.mount.Container, "sh", "-c", script, "sh", seconds, f.mount.Path, at, part)
	switch {
	case err == nil && ctx.Err() == nil:
		return once(f.thaw), nil
	case err == nil:
		return nil, errors.Join(f.explain("freeze", ctx.Err()), f.thaw(ctx))
	}
	err = f.explain("freeze", err)
	var exit *ExitError
	if errors.As(err, &exit) || final(err) {
		return nil, err // nothing is frozen: the script has said so itself, or it did not start
	}
	_, thaw := f.try(ctx, "unsure", saidThawed, saidFired, saidArmed)
	return nil, errors.Join(err, thaw)
}

// thaw ends what start began.
func (f *freeze) thaw(ctx context.Context) error {
	word, err := f.try(ctx, "sure", saidThawed, saidFired, saidArmed, saidFreezing)
	if err == nil && word != saidThawed {
		return f.explain("thaw", ErrThawedEarly)
	}
	return err
}

// try runs the thaw until it says one of the words, or until the switch must have fired.
func (f *freeze) try(ctx context.Context, sure string, words ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.longest+30*time.Second)
	defer cancel()
	for {
		out, err := f.pod.execAgain(ctx, f.mount.Container, "sh", "-c", thawScript, "sh", f.token, f.mount.Path, sure)
		word := strings.TrimSpace(out.Stdout)
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrMayBeFrozen, f.explain("thaw", err))
		}
		for _, w := range words {
			if w == word {
				return word, nil
			}
		}
		if !sleep(ctx, pause) {
			return "", fmt.Errorf("%w: %w", ErrMayBeFrozen, f.explain("thaw", context.Cause(ctx)))
		}
	}
}

// explain says what was done where, and what fsfreeze said: nothing secret.
func (f *freeze) explain(verb string, err error) error {
	var exit *ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w: %.500q", err, strings.TrimSpace(exit.Output.Stderr))
	}
	return fmt.Errorf("%s %.200q of pod %s/%s: %w", verb, f.mount.Path, f.pod.Namespace, f.pod.Name, err)
}
