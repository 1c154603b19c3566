package volsnap

// Cause is the state that keeps a snapshot from being ready. See Diagnosis for what to do.
type Cause string

// The causes that Diagnose finds.
const (
	CauseReady             Cause = "ready"                // it may be restored from
	CauseUnverified        Cause = "unverified"           // ready, but the driver was not seen to have what the handle names
	CauseNoController      Cause = "no controller"        // nobody has looked at it
	CauseControllerWorking Cause = "controller working"   // a controller has looked at it and said nothing yet
	CauseControllerError   Cause = "controller error"     // it complains of something that has no cause of its own here
	CauseNoSidecar         Cause = "no sidecar"           // nobody has looked at its content: no csi-snapshotter of the driver
	CauseOtherDriver       Cause = "other driver's class" // so a driver was given that does not have the volume
	CauseDriverWorking     Cause = "driver working"       // a call of the driver has begun, or its upload has
	CauseDriverError       Cause = "driver error"         // it is tried again, at last every five minutes
	CauseClassMissing      Cause = "class missing"
	CauseNoDefault         Cause = "no default class"
	CauseSeveralDefaults   Cause = "several default classes"
	CauseClaimMissing      Cause = "claim missing"
	CauseClaimUnbound      Cause = "claim unbound"
	CauseNotCSI            Cause = "not CSI"
	CauseContentMissing    Cause = "content missing"
	CauseBoundElsewhere    Cause = "bound elsewhere" // the content belongs to another snapshot
	CauseHandleMissing     Cause = "handle missing"  // the driver does not have what is to be imported
)

// More causes of Failed, which no snapshot in the cluster shows.
const (
	CauseNotBegun    Cause = "not begun"    // the time was over before its turn
	CauseQuiesce     Cause = "quiesce"      // a pod could not be brought to rest
	CauseTooLong     Cause = "too long"     // not cut in the time that its pods could be at rest
	CauseRefused     Cause = "refused"      // the API server did not take it
	CauseDeleted     Cause = "deleted"      // somebody deleted it
	CauseOtherVolume Cause = "other volume" // it is of another volume than the plan says
	CauseOwn         Cause = "own way"      // the storage's own way failed
)

// Diagnosis is why a snapshot is not ready.
type Diagnosis struct {
	Cause  Cause  `json:"cause"`
	Detail string `json:"detail"`         // what was seen, as a sentence
	Next   string `json:"next,omitempty"` // what to do
	Heals  bool   `json:"heals"`          // it can heal without anybody: keep waiting
}

// String is the diagnosis as a sentence.
func (d *Diagnosis) String() string {
	if d.Next == "" {
		return string(d.Cause) + ": " + d.Detail
	}
	return string(d.Cause) + ": " + d.Detail + ": " + d.Next
}
