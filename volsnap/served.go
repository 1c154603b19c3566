package volsnap

import "github.com/clustersnap/clustersnap/volsnap/internal/api"

// ErrNotServed is the error of a cluster that has no API of VolumeSnapshots, from whatever would read one. A plan says it with
// [ReasonNotServed] instead.
var ErrNotServed = api.ErrNotServed
