package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/diff"
	"github.com/clustersnap/clustersnap/manifests/storage/history"
)

// changeOf compares a version with the one before it, if both can be.
func changeOf(e manifests.Entry, before *manifests.Object, v *history.Version) (*diff.Change, error) {
	if v.Step != history.Changed || before == nil || v.Object == nil {
		return nil, nil
	}
	return diff.Objects(e, before.YAML, v.Object.YAML)
}

// version shows one.
func (h historyOutput) version(out io.Writer, v *history.Version, change *diff.Change) error {
	said := sayVersion(v, change)
	if h.as.machine() {
		return h.as.item(out, said)
	}
	line := fmt.Sprintf("%-10d  %-13s  %6d  %8d  %s", v.Revision, v.Step, v.Writes, v.Size, strings.Join(said.Fields, ", "))
	if said.Why != "" {
		line += said.Why
	}
	fmt.Fprintln(out, strings.TrimRight(oneLine(line), " "))
	if h.diff && change != nil {
		return diff.Unified(out, change)
	}
	return nil
}

// versionSaid is a version for programs.
type versionSaid struct {
	Revision int64        `json:"revision"`
	What     history.Step `json:"what"`
	Writes   int64        `json:"writes,omitempty"`
	Bytes    int          `json:"bytes,omitempty"`
	UID      string       `json:"uid,omitempty"`
	Cipher   string       `json:"cipher,omitempty"`
	Fields   []string     `json:"fields,omitempty"`
	Why      string       `json:"why,omitempty"`
}

func sayVersion(v *history.Version, change *diff.Change) versionSaid {
	said := versionSaid{
		Revision: v.Revision, What: v.Step, Writes: v.Writes, Bytes: v.Size, UID: v.Meta.UID, Cipher: v.Meta.Cipher,
	}
	if v.Object != nil {
		said.UID = v.Object.UID
	}
	if v.Err != nil {
		said.Why = v.Err.Error()
	}
	if change != nil {
		for _, f := range change.Fields {
			said.Fields = append(said.Fields, f.Path)
		}
	}
	return said
}
