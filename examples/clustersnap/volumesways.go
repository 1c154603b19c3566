package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	csitranslation "k8s.io/csi-translation-lib"
	"k8s.io/klog/v2"

	"github.com/clustersnap/clustersnap/volsnap"
)

// inTree gives what the CSI driver of an in-tree volume calls it, by the library that Kubernetes itself asks.
func inTree(pv *corev1.PersistentVolume) (driver, handle string, err error) {
	translated, err := csitranslation.New().TranslateInTreePVToCSI(klog.Logger{}, pv)
	if err != nil {
		return "", "", err
	}
	return translated.Spec.CSI.Driver, translated.Spec.CSI.VolumeHandle, nil
}

// maxAnswer is how many bytes an own way may print of one volume.
const maxAnswer = 1 << 20

// ownWay is a program that has a storage take a snapshot that the cluster can't ask for: it reads the volume as JSON and prints
// the snapshot as JSON, or nothing if it does not know such volumes. What it says on standard error is told if it fails.
func ownWay(program string) func(context.Context, volsnap.Volume) (*volsnap.Snapshot, error) {
	return func(ctx context.Context, v volsnap.Volume) (*volsnap.Snapshot, error) {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		var out, said limited
		cmd := exec.CommandContext(ctx, program)
		cmd.WaitDelay = time.Second // of children that keep what it prints to
		cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), &out, &said
		if err := cmd.Run(); err != nil {
			lines := strings.Split(strings.TrimSpace(string(said.kept)), "\n")
			return nil, fmt.Errorf("%s: %w: %.500s", program, err, lines[len(lines)-1])
		}
		answer := bytes.TrimSpace(out.kept)
		switch {
		case out.cut:
			return nil, fmt.Errorf("%s: it prints more than %d bytes, which is no snapshot", program, maxAnswer)
		case len(answer) == 0:
			return nil, nil
		}
		s, err := readOwn(answer)
		if err != nil {
			return nil, fmt.Errorf("%s: read the snapshot that it prints: %w", program, err)
		}
		return s, nil
	}
}

// readOwn reads a snapshot that an own way has taken.
func readOwn(text []byte) (*volsnap.Snapshot, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var s volsnap.Snapshot
	if err := decoder.Decode(&s); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one")
	}
	if s.Handle == "" || s.Cut.IsZero() {
		return nil, errors.New("it needs a handle, which is what the storage calls it, and when it was cut")
	}
	return &s, nil
}

// limited keeps what is printed, up to maxAnswer.
type limited struct {
	kept []byte
	cut  bool
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), maxAnswer-len(l.kept))
	l.kept, l.cut = append(l.kept, p[:n]...), l.cut || n < len(p)
	return len(p), nil
}

// checkGroups refuses a --group-by that no volume of the plan has.
func (t *taking) checkGroups(plan *volsnap.Plan) error {
	if t.groupBy == "" {
		return nil
	}
	for _, v := range plan.Volumes {
		if v.Labels[t.groupBy] != "" {
			return nil
		}
	}
	return fmt.Errorf("--group-by names label %.100q, and no claim of the plan has it", t.groupBy)
}
