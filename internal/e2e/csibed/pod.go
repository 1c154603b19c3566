package csibed

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

var pods = schema.GroupVersionResource{Version: "v1", Resource: "pods"}

// MountPath is where a pod of [Bed.Pod] sees a claim.
func MountPath(claim string) string { return "/volumes/" + claim }

// Pod makes a pod with one idle container, main, that mounts claims of its namespace at their [MountPath], and returns
// when it runs. The caller may exec in it.
func (b *Bed) Pod(t testing.TB, namespace, name string, claims ...string) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "none"}}},
	}
	for _, claim := range claims {
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: claim, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
		}})
		c := &pod.Spec.Containers[0]
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: claim, MountPath: MountPath(claim)})
	}
	return b.RunPod(t, pod)
}

// RunPod makes a pod on the node of the stand-in kubelet, and returns when it runs or has ended.
func (b *Bed) RunPod(t testing.TB, pod *corev1.Pod) *corev1.Pod {
	t.Helper()
	b.Kubelet(t)
	pod.Spec.NodeName = NodeName
	made, err := b.Client.CoreV1().Pods(pod.Namespace).Create(trial.Context(t), pod, metav1.CreateOptions{})
	trial.Must(t, err)
	b.Until(t, pods, pod.Namespace, pod.Name, func(o *unstructured.Unstructured) bool {
		phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
		return phase != "" && phase != string(corev1.PodPending)
	})
	return made
}

// running is a pod that the kubelet has seen.
type running struct {
	kubelet *kubelet
	pod     *corev1.Pod
	ctx     context.Context // of the pod's life
	cancel  context.CancelFunc

	ready chan struct{} // closed when there are boxes
	boxes map[string]*box
	uses  []use
}

// use is a volume of a driver that a pod mounts.
type use struct {
	driver *driver.Driver
	handle string
}

// run is the pod's life.
func (p *running) run() {
	defer p.forget()
	err := p.start()
	defer p.stop()
	if err != nil {
		if p.ctx.Err() == nil {
			p.say(corev1.PodStatus{Phase: corev1.PodFailed, Reason: "StandIn", Message: err.Error()})
		}
		<-p.ctx.Done()
		return
	}
	close(p.ready)
	p.say(p.status(nil))
	codes := p.commands()
	if codes != nil && p.ctx.Err() == nil {
		p.say(p.status(codes))
	}
	<-p.ctx.Done()
}

// start waits for the claims and makes the boxes.
func (p *running) start() error {
	p.boxes = make(map[string]*box)
	folders := make(map[string]string) // by name of the volume
	for _, v := range p.pod.Spec.Volumes {
		from, err := p.folder(v)
		if err != nil {
			return fmt.Errorf("volume %s: %w", v.Name, err)
		}
		folders[v.Name] = from
	}
	for _, c := range p.pod.Spec.Containers {
		var mounts []mount
		for _, m := range c.VolumeMounts {
			mounts = append(mounts, mount{folders[m.Name], m.MountPath})
		}
		root, err := p.own("root-" + c.Name)
		if err != nil {
			return err
		}
		if p.boxes[c.Name], err = newBox(p.kubelet.bed.Node, root, mounts); err != nil {
			delete(p.boxes, c.Name)
			return fmt.Errorf("container %s: %w", c.Name, err)
		}
	}
	return nil
}

// own makes a folder of the pod's own.
func (p *running) own(name string) (string, error) {
	dir := filepath.Join(p.kubelet.dir, string(p.pod.UID), name)
	return dir, os.MkdirAll(dir, 0o755)
}

// folder finds or makes what a volume is on this machine.
func (p *running) folder(v corev1.Volume) (string, error) {
	claim := ""
	switch {
	case v.PersistentVolumeClaim != nil:
		claim = v.PersistentVolumeClaim.ClaimName
	case v.Ephemeral != nil:
		claim = p.pod.Name + "-" + v.Name
	default:
		return p.own("volume-" + v.Name)
	}
	b := p.kubelet.bed
	var volume string
	err := b.follow(p.ctx, claims, p.pod.Namespace, claim, func(e watch.Event) (bool, error) {
		o, ok := e.Object.(*unstructured.Unstructured)
		if !ok || e.Type == watch.Deleted {
			return false, nil
		}
		phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
		volume, _, _ = unstructured.NestedString(o.Object, "spec", "volumeName")
		return phase == string(corev1.ClaimBound), nil
	})
	if err != nil {
		return "", err
	}
	pv, err := b.Client.CoreV1().PersistentVolumes().Get(p.ctx, volume, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	if pv.Spec.CSI == nil {
		return p.own("volume-" + v.Name)
	}
	at := slices.IndexFunc(b.Drivers, func(d *driver.Driver) bool { return d.Name == pv.Spec.CSI.Driver })
	if at < 0 {
		return "", fmt.Errorf("no driver %s", pv.Spec.CSI.Driver)
	}
	p.uses = append(p.uses, use{b.Drivers[at], pv.Spec.CSI.VolumeHandle})
	return b.Drivers[at].VolumePath(pv.Spec.CSI.VolumeHandle), nil
}

// commands runs the containers' commands and gives their exit codes by name, nil if a container idles.
func (p *running) commands() map[string]int32 {
	var all sync.WaitGroup
	var mu sync.Mutex
	codes := make(map[string]int32)
	for _, c := range p.pod.Spec.Containers {
		command := slices.Concat(c.Command, c.Args)
		if len(command) == 0 {
			<-p.ctx.Done()
			return nil
		}
		var env []string
		for _, e := range c.Env {
			env = append(env, e.Name+"="+e.Value)
		}
		all.Go(func() {
			code, err := p.boxes[c.Name].run(p.ctx, command, env, nil, nil, nil)
			if err != nil {
				code = 128
			}
			mu.Lock()
			defer mu.Unlock()
			codes[c.Name] = int32(code)
		})
	}
	all.Wait()
	if cmp.Or(p.pod.Spec.RestartPolicy, corev1.RestartPolicyAlways) == corev1.RestartPolicyAlways {
		return nil
	}
	return codes
}

// status is that of a pod that runs, or whose containers have ended with these codes.
func (p *running) status(codes map[string]int32) corev1.PodStatus {
	now := metav1.Now()
	s := corev1.PodStatus{Phase: corev1.PodRunning, StartTime: &now}
	if codes != nil {
		s.Phase = corev1.PodSucceeded
	}
	for _, c := range p.pod.Spec.Containers {
		state := corev1.ContainerStatus{Name: c.Name, Image: c.Image, Ready: codes == nil}
		if codes == nil {
			state.State.Running = &corev1.ContainerStateRunning{StartedAt: now}
		} else {
			state.State.Terminated = &corev1.ContainerStateTerminated{ExitCode: codes[c.Name], FinishedAt: now}
		}
		if codes[c.Name] != 0 {
			s.Phase = corev1.PodFailed
		}
		s.ContainerStatuses = append(s.ContainerStatuses, state)
	}
	ready := corev1.ConditionTrue
	if codes != nil {
		ready = corev1.ConditionFalse
	}
	s.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: ready, LastTransitionTime: now}}
	return s
}

// say writes the status. If it can't be, a test that waits for it says so.
func (p *running) say(status corev1.PodStatus) {
	p.kubelet.patch(p.ctx, func(ctx context.Context, patch []byte) error {
		_, err := p.kubelet.bed.Client.CoreV1().Pods(p.pod.Namespace).Patch(ctx, p.pod.Name,
			types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
		return err
	}, status)
}

// stop ends the boxes.
func (p *running) stop() {
	for _, u := range p.uses {
		u.driver.Thaw(u.handle)
	}
	for _, b := range p.boxes {
		b.close()
	}
}

// forget ends the pod for the API server, as a kubelet does when its containers are gone. It has a limit of its own: the
// pod's context is done.
func (p *running) forget() {
	k := p.kubelet
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), statusLimit)
	defer cancel()
	now := int64(0)
	k.bed.Client.CoreV1().Pods(p.pod.Namespace).Delete(ctx, p.pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: &now, Preconditions: &metav1.Preconditions{UID: &p.pod.UID},
	})
}
