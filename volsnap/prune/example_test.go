package prune_test

import (
	"fmt"
	"time"

	"github.com/clustersnap/clustersnap/volsnap"
	"github.com/clustersnap/clustersnap/volsnap/prune"
)

// A plan is printed before anything is deleted.
func ExampleItem_String() {
	cut := time.Date(2026, 11, 26, 4, 0, 0, 0, time.UTC)
	fmt.Println(prune.Item{Do: prune.Delete, Snapshots: []volsnap.Snapshot{
		{Namespace: "shop", Name: "db-1", UID: "1", Claim: "db", Cut: cut},
	}})
	fmt.Println(prune.Item{Do: prune.Keep, Reason: prune.LastGood, Snapshots: []volsnap.Snapshot{
		{Namespace: "gone", Name: "db-2", Content: "snapcontent-2", Claim: "db", Cut: cut},
	}})
	// Output:
	// delete shop/db-1 of claim db, cut 2026-11-26T04:00:00Z
	// keep content snapcontent-2, without its snapshot gone/db-2, of claim db, cut 2026-11-26T04:00:00Z: the last good one
}
