package restore

import (
	"fmt"
	"os"
	"strconv"
)

// defaultQuota is etcd's, in bytes (DefaultQuotaBytes in server/storage/quota.go in etcd-io/etcd).
const defaultQuota = 2 << 30

// withinQuota sees that etcd will take writes: it takes none once its database has the size of --quota-backend-bytes.
func (p *Plan) withinQuota(database string) error {
	quota := int64(defaultQuota)
	if text := p.Node.Etcd.Quota.Value; text != "" {
		var err error
		if quota, err = strconv.ParseInt(text, 10, 64); err != nil {
			return fmt.Errorf("etcd's --quota-backend-bytes is %.50q, which is no number: correct the manifest", text)
		}
	}
	info, err := os.Stat(database)
	if err != nil || quota < 0 { // there is none
		return err
	}
	if quota == 0 {
		quota = defaultQuota
	}
	if info.Size() >= quota {
		return fmt.Errorf("the restored database has %d bytes, and etcd takes no writes from %d on: raise its --quota-backend-bytes",
			info.Size(), quota)
	}
	return nil
}
