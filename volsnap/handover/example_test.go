package handover_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/clustersnap/clustersnap/volsnap/handover"
)

func ExampleWrite() {
	record := handover.Record{
		Driver: "ebs.csi.aws.com", Handle: "snap-0a1b2c", Cut: time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC),
		RestoreSize: 10 << 30, Mode: "Filesystem", Namespace: "shop", Claim: "db",
	}
	if err := handover.Write(os.Stdout, []handover.Record{record}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {
	//   "format": "clustersnap volume snapshots",
	//   "version": 1,
	//   "records": [
	//     {
	//       "driver": "ebs.csi.aws.com",
	//       "handle": "snap-0a1b2c",
	//       "cut": "2026-11-26T03:00:00Z",
	//       "restoreSize": 10737418240,
	//       "mode": "Filesystem",
	//       "namespace": "shop",
	//       "claim": "db"
	//     }
	//   ]
	// }
}

func ExampleRead() {
	var file bytes.Buffer
	if err := handover.Write(&file, []handover.Record{{Driver: "ebs.csi.aws.com", Handle: "snap-0a1b2c"}}); err != nil {
		fmt.Println(err)
	}
	newer := strings.Replace(file.String(), `"version": 1`, `"version": 9`, 1)
	records, err := handover.Read(&file)
	fmt.Println(records[0].Handle, err)
	_, err = handover.Read(strings.NewReader(newer))
	fmt.Println(errors.Is(err, handover.ErrNewer))
	// Output:
	// snap-0a1b2c <nil>
	// true
}
