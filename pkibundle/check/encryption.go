package check

import (
	"github.com/clustersnap/clustersnap/internal/atrest"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// encryption looks whether kube-apiserver could read with its encryption configuration what it has encrypted. That its keys
// are the right ones, only the snapshot of etcd can tell.
func (in *inspection) encryption() {
	for _, f := range in.with(role.Encryption) {
		config, err := atrest.Parse(f.Data)
		if err != nil {
			in.report(Fatal, BadEncryption, f, "%v: kube-apiserver does not start with it, restore it from an older backup", err)
			continue
		}
		for _, name := range config.KMS() {
			in.report(Info, NeedsKMS, f, "what is encrypted at rest cannot be read without the KMS %.63q: "+
				"back up what its plugin needs, too", name)
		}
		config.Clear()
	}
}
