package volsnap

// Reason is why there is no snapshot of a volume. Volume.Detail says it as a sentence, with what to do.
type Reason string

// The reasons. The first ones are about the volume and stay as they are, those about claims and classes can be put right.
const (
	ReasonHostPath  Reason = "hostPath"   // a directory of a node
	ReasonLocal     Reason = "local"      // a disk of a node
	ReasonNFS       Reason = "nfs"        // a directory of a file server
	ReasonNotCSI    Reason = "not CSI"    // of another plugin, see Volume.Source
	ReasonMigrated  Reason = "migrated"   // of an in-tree plugin that a CSI driver serves, see PlanOptions.Migrated
	ReasonEphemeral Reason = "ephemeral"  // it ends with its pod
	ReasonUnbound   Reason = "unbound"    // a claim without a volume, so without data
	ReasonLost      Reason = "lost"       // a claim whose volume is gone
	ReasonDeleting  Reason = "deleting"   // a claim that is being deleted: controllers refuse it
	ReasonForbidden Reason = "forbidden"  // rights are missing
	ReasonNotServed Reason = "not served" // the cluster has no API of snapshots

	ReasonNoClass        Reason = "no class"              // no VolumeSnapshotClass has the volume's driver
	ReasonSeveralClasses Reason = "several classes"       // and nothing says which
	ReasonClassMissing   Reason = "class missing"         // the class that was named is not there
	ReasonOtherDriver    Reason = "class of other driver" // which controllers take, and then wait for ever
)
