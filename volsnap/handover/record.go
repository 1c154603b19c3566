package handover

import (
	"errors"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Record says all that is needed to use a snapshot elsewhere. It has no data and no secret.
type Record struct {
	// Driver and Handle are what the snapshot is: its storage's names of it. All else is to make good use of it.
	Driver string `json:"driver"`
	Handle string `json:"handle"`

	// Volume is the storage's name of the volume that it was taken of.
	Volume string `json:"volume,omitempty"`
	// Cut is when the data were frozen, by the storage's or the sidecar's clock.
	Cut time.Time `json:"cut,omitzero"`
	// RestoreSize is the least size of a volume made of it, in bytes; 0 if the driver does not say.
	RestoreSize int64 `json:"restoreSize,omitempty"`
	// Mode is Filesystem or Block. A content that is imported without it would let anybody change it.
	Mode string `json:"mode,omitempty"`

	// Where it is from. Cluster is the uid of the namespace kube-system.
	Cluster   string `json:"cluster,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Snapshot  string `json:"snapshot,omitempty"` // name of the VolumeSnapshot
	Run       string `json:"run,omitempty"`      // id of the run that took it
	Class     string `json:"class,omitempty"`    // VolumeSnapshotClass

	// What the claim was like, if it was still there when the record was made. Size is the capacity of its volume in bytes.
	Claim        string            `json:"claim,omitempty"`
	Size         int64             `json:"size,omitempty"`
	AccessModes  []string          `json:"accessModes,omitempty"`
	FSType       string            `json:"fsType,omitempty"`
	StorageClass string            `json:"storageClass,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`

	// Group and GroupHandle are the name and the storage's name of the group that it was cut with.
	Group       string `json:"group,omitempty"`
	GroupHandle string `json:"groupHandle,omitempty"`

	// DeletionSecret is "namespace/name" of the Secret by which the sidecar would delete it there. An import takes the one
	// that the class of its own cluster names.
	DeletionSecret string `json:"deletionSecret,omitempty"`
}

// ErrRecord is the error of a record that makes no sense.
var ErrRecord = errors.New("not a record of a snapshot")

// Bounds of what a record may have. A handle has at most 128 bytes by the CSI specification, and drivers exceed that; names
// and labels are bounded by the API server.
const (
	maxText   = 4096
	maxLabels = 1000
	maxModes  = 16
)

// check is the same for what is read and for what a caller hands in.
func (r *Record) check() error {
	if r.Driver == "" || r.Handle == "" {
		return fmt.Errorf("%w: driver and handle are required", ErrRecord)
	}
	if why := validation.IsDNS1123Subdomain(r.Driver); len(why) > 0 {
		return fmt.Errorf("%w: driver %.100q is no name of a driver", ErrRecord, r.Driver)
	}
	if r.Namespace != "" && len(validation.IsDNS1123Label(r.Namespace)) > 0 {
		return fmt.Errorf("%w: %.100q is no name of a namespace", ErrRecord, r.Namespace)
	}
	if r.Snapshot != "" && len(validation.IsDNS1123Subdomain(r.Snapshot)) > 0 {
		return fmt.Errorf("%w: %.100q is no name of a VolumeSnapshot", ErrRecord, r.Snapshot)
	}
	if r.Mode != "" && r.Mode != "Filesystem" && r.Mode != "Block" {
		return fmt.Errorf("%w: mode %.100q is neither Filesystem nor Block", ErrRecord, r.Mode)
	}
	if r.RestoreSize < 0 || r.Size < 0 {
		return fmt.Errorf("%w: a size is negative", ErrRecord)
	}
	if !r.Cut.IsZero() && (r.Cut.Year() < 1970 || r.Cut.Year() > 9999) {
		return fmt.Errorf("%w: it was cut in the year %d", ErrRecord, r.Cut.Year())
	}
	if len(r.Labels) > maxLabels || len(r.AccessModes) > maxModes {
		return fmt.Errorf("%w: %d labels and %d access modes are too many", ErrRecord, len(r.Labels), len(r.AccessModes))
	}
	for _, text := range r.texts() {
		if !plain(text) {
			return fmt.Errorf("%w: %.100q is too long or not printable", ErrRecord, text)
		}
	}
	return nil
}

func (r *Record) texts() []string {
	all := []string{
		r.Driver, r.Handle, r.Volume, r.Cluster, r.Namespace, r.Snapshot, r.Run, r.Class, r.Claim, r.FSType, r.StorageClass,
		r.Group, r.GroupHandle, r.DeletionSecret,
	}
	all = append(all, r.AccessModes...)
	for key, value := range r.Labels {
		all = append(all, key, value)
	}
	return all
}

// plain reports whether a text can be printed on one line, as all names of Kubernetes and of storages can.
func plain(s string) bool {
	if len(s) > maxText || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
