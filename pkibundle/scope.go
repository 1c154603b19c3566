package pkibundle

import (
	"fmt"
	"slices"
	"strings"

	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// Shared gives the files that all control-plane nodes of the cluster have in common, and from which the others of its
// certificates can be made again: the certificates and keys of the CAs of the cluster, of etcd and of the front proxy, and the
// pair that signs the tokens of service accounts. Where etcd is not kubeadm's, its CA's key is elsewhere, and the client
// certificate for it is shared in its place (kubernetes/kubernetes, cmd/kubeadm/app/phases/copycerts). The contents are those of b.
//
// The error names what b lacks of them.
func (b *Bundle) Shared() (*Bundle, error) {
	want := role.Shared
	external := len(b.With(role.EtcdCAKey)) == 0 && len(b.With(role.EtcdServerCert)) == 0 && len(b.With(role.EtcdClientCert)) > 0
	if external {
		want = role.SharedExternalEtcd
	}
	s := &Bundle{}
	var missing []string
	for _, r := range want {
		found := slices.DeleteFunc(b.With(r), func(f File) bool { return f.Link != "" })
		if len(found) == 0 && (r != role.EtcdCACert || !external) { // another etcd may have the cluster's CA, or no TLS
			missing = append(missing, r)
		}
		s.Files = append(s.Files, found...)
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("shared files: the bundle has no %s: collect a whole control-plane node", strings.Join(missing, ", "))
	}
	slices.SortFunc(s.Files, byPath)
	s.Directories = slices.DeleteFunc(slices.Clone(b.Directories), func(d Directory) bool {
		return !slices.Contains(parents(s.Files), d.Path)
	})
	return s, nil
}
