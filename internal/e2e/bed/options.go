package bed

import (
	"fmt"
	"strings"

	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

// Options say what kind of control plane a test wants. The zero value is one node with etcd 3.7 and without
// encryption at rest, its objects below /registry.
type Options struct {
	// EtcdVersion is "3.5", "3.6" or "3.7". Empty is "3.7".
	EtcdVersion string
	// Encryption has kube-apiserver encrypt Secrets with a new secretbox key, in [EncryptionConfig].
	Encryption bool
	// EtcdPrefix is kube-apiserver's --etcd-prefix. Empty is its default, "/registry".
	EtcdPrefix string
	// Members is how many etcd members there are, 1 or 3, each on a node of its own. 0 is 1.
	Members int
	// Scheduler has the first node run kube-scheduler, too.
	Scheduler bool
}

// etcds are the versions of etcd that there are.
var etcds = map[string]peers.Program{"": peers.Etcd37, "3.5": peers.Etcd35, "3.6": peers.Etcd36, "3.7": peers.Etcd37}

// check says what is wrong with the options.
func (o Options) check() error {
	if _, ok := etcds[o.EtcdVersion]; !ok {
		return fmt.Errorf("etcd version %q: want 3.5, 3.6 or 3.7", o.EtcdVersion)
	}
	if o.Members != 0 && o.Members != 1 && o.Members != 3 {
		return fmt.Errorf("%d etcd members: want 1 or 3", o.Members)
	}
	return nil
}

// imageTag is the tag that the image of the etcd would have, as in "3.7.3-0".
func (o Options) imageTag() string {
	_, version, _ := strings.Cut(etcds[o.EtcdVersion].String(), " v")
	return version + "-0"
}
