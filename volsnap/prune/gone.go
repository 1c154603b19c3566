package prune

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// firstNudge is how long a content may be on its way out until its sidecar is reminded of it, and then twice as long each time.
const firstNudge = 5 * time.Second

// errSlow ends a look at what does not go.
var errSlow = errors.New("it does not go")

// gone waits until all objects are gone. Where that takes long, the contents are written on: the sidecar of a driver forgets
// one that is deleted while a CreateSnapshot of it is under way, until it sees a change of it, or all objects again, which is
// each
// 15 minutes (seen with external-snapshotter 8.7.0: what it has stored itself is newer to it than what the server tells of the
// deletion).
func (r *runner) gone(ctx context.Context, objects []Object) error {
	for _, o := range objects {
		g := &going{runner: r, object: o}
		for pause := firstNudge; ; pause *= 2 {
			err := g.wait(ctx, pause)
			if err == nil {
				break
			}
			if ctx.Err() != nil || !errors.Is(err, errSlow) {
				return g.explain(err)
			}
			for _, o := range objects {
				r.nudge(ctx, o)
			}
		}
	}
	return nil
}

// going is an object on its way out.
type going struct {
	*runner
	object Object
	asked  bool   // to delete it
	last   string // what the controllers have last said
}

// wait waits for a while.
func (g *going) wait(ctx context.Context, while time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, while, errSlow)
	defer cancel()
	o := g.object
	return api.Until(ctx, g.in, g.resource(o.Resource), o.Namespace, o.Name, func(now *state) (bool, error) {
		return g.look(ctx, now)
	})
}

// look reports whether it is gone. What does not go by itself is deleted: contents of a group that have lost their snapshots,
// and those of which snapshot-controller saw the policy too late.
func (g *going) look(ctx context.Context, now *state) (bool, error) {
	uid := types.UID(g.object.UID)
	if now == nil || now.UID != uid {
		return true, nil
	}
	if now.Status != nil && now.Status.Error != nil {
		g.last = value(now.Status.Error.Message)
	}
	if now.DeletionTimestamp != nil || g.asked {
		return false, nil
	}
	g.asked = true
	err := g.in.Resource(g.resource(g.object.Resource)).Namespace(g.object.Namespace).Delete(ctx, g.object.Name,
		metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	return false, err
}

// nudge changes a content, so that its sidecar looks at it. One that can't be changed may be gone, which is found out next.
func (r *runner) nudge(ctx context.Context, o Object) {
	if o.Resource != api.Contents.Resource {
		return
	}
	text := fmt.Sprintf(`{"metadata":{"uid":%q,"annotations":{%q:%q}}}`, o.UID, annotationPruning, rand.Text())
	_, _ = r.in.Resource(api.Contents).Patch(ctx, o.Name, types.MergePatchType, []byte(text), metav1.PatchOptions{})
}

func (g *going) explain(err error) error {
	why := "look at its events"
	if g.last != "" {
		why = fmt.Sprintf("last said was %.500q", g.last)
	}
	return fmt.Errorf("%w: the controllers still have it to delete, %s", err, why)
}

// state is what all objects here have.
type state struct {
	metav1.ObjectMeta `json:"metadata"`
	Status            *struct {
		Error *api.Error `json:"error,omitempty"`
	} `json:"status,omitempty"`
}
