package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/restore"
)

// claim makes a new claim, or replaces the volume of one.
func (r *restoring) claim(ctx context.Context, out io.Writer, c *volsnap.Cluster, from volsnap.Snapshot, to string) error {
	namespace, name, err := snapshotName(to)
	if err != nil {
		return err
	}
	if !r.inPlace {
		done, err := restore.Claim(ctx, c, from, namespace, name, restore.ClaimOptions{StorageClass: r.class, Warned: warned})
		if err != nil {
			return whereSnapshotsAre(err)
		}
		return r.claimed(out, done, done.State, "claim "+to, "")
	}
	if err := r.checkOrigin(ctx, c, from, to); err != nil {
		return err
	}
	opts := restore.SwapOptions{Stop: r.stopping(c, namespace), StorageClass: r.class, Warned: warned}
	done, err := restore.Swap(ctx, c, from, namespace, name, opts)
	if err != nil {
		return r.said(out, nil, "", whereSnapshotsAre(err))
	}
	return r.claimed(out, done, done.State, "claim "+to, "; old volume "+done.Old+" is kept, until --discard")
}

// claimed prints what has become of a claim. One that waits for its pod is not there yet, and nothing is wrong with it.
func (r *restoring) claimed(out io.Writer, done any, state restore.State, claim, rest string) error {
	if state == restore.WaitsForConsumer && !r.as.machine() {
		steps{out}.line("waits", claim+" is made where its first pod runs: start the pod, then run this again"+rest)
		return nil
	}
	return r.said(out, done, fmt.Sprintf("%s %s%s", claim, state, rest), nil)
}

// checkOrigin refuses to replace a volume by a snapshot of another claim, if it is known which one that was.
func (r *restoring) checkOrigin(ctx context.Context, c *volsnap.Cluster, from volsnap.Snapshot, to string) error {
	if r.other {
		return nil
	}
	all, err := c.List(ctx, []string{from.Namespace}, "")
	if err != nil {
		return err
	}
	for _, s := range all {
		_, name, _ := strings.Cut(to, "/")
		if s.Name != from.Name || s.Claim == "" {
			continue
		}
		if of := s.Namespace + "/" + s.Claim; of != to && !(s.Imported && s.Claim == name) {
			return fmt.Errorf("snapshot %s/%s is of claim %s, not of %s: --other-claim, if that is meant",
				s.Namespace, s.Name, of, to)
		}
	}
	return nil
}

// stopping is nil if nothing is to be stopped.
func (r *restoring) stopping(c *volsnap.Cluster, namespace string) restore.Stop {
	if len(r.stop) == 0 {
		return nil
	}
	return restore.Scale(c, namespace, r.stop...)
}

// said prints what was done.
func (r *restoring) said(out io.Writer, done any, text string, err error) error {
	if errors.Is(err, restore.ErrInUse) && len(r.stop) == 0 {
		return fmt.Errorf("%w; --stop KIND/NAME scales it down meanwhile", err)
	}
	if err != nil {
		return err
	}
	if r.as.machine() {
		return r.as.value(out, done)
	}
	steps{out}.line("good", text)
	return nil
}

// warned prints what the provisioner says of a claim that is pending.
func warned(message string) {
	fmt.Fprintf(os.Stderr, "clustersnap: the provisioner says: %s\n", oneLine(message))
}
