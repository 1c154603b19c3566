//go:build unix

package pkibundle

import (
	"io/fs"
	"syscall"
)

func owner(info fs.FileInfo) Owner {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return Owner{UID: int(st.Uid), GID: int(st.Gid)}
	}
	return Owner{}
}
