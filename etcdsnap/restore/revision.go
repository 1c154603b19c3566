package restore

import (
	"fmt"
	"math"
	"time"
)

const (
	// minBump and writesPerSecond make the new revision land above everything that any
	// client may have seen since the snapshot: few clusters write 20,000 times a second for long.
	minBump         = 1_000_000_000
	writesPerSecond = 20_000
	// maxAge keeps the bump far from the end of an int64.
	maxAge = 100 * 365 * 24 * time.Hour
	// maxRevision leaves room for an etcd to go on.
	maxRevision = math.MaxInt64 - 1<<40
)

// raised says which revision is above all that any client has seen: of a snapshot taken age ago that ends at
// revision, where known is the last one that is known otherwise.
func raised(revision, known int64, age time.Duration) (int64, error) {
	// What was written in parts of a second counts as a whole one.
	wrote := writesPerSecond * int64(math.Ceil(age.Seconds()))
	from, by := revision, minBump+wrote
	if known > revision && known-revision > wrote {
		from, by = known, minBump
	}
	if from > maxRevision-by {
		return 0, fmt.Errorf("revision %d can't be raised by %d: there are none above it", from, by)
	}
	return from + by, nil
}

// checkRevision refuses one that is asked for, but not far above the last that is known.
func checkRevision(asked, known int64) error {
	if asked > maxRevision || known > maxRevision-minBump || asked < known+minBump {
		return fmt.Errorf("revision %d is asked for, and %d is known of the old cluster: it takes one that is 1e9 above that, and below %d", asked, known, int64(maxRevision))
	}
	return nil
}
