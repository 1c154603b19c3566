package apply

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validation/path"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/manifests"
)

// account gives the service account that a Secret is to have a token of. Without it the control plane deletes the Secret as
// soon as it is there: pkg/controller/serviceaccount/tokens_controller.go of kubernetes/kubernetes.
func (it *item) account() (manifests.Key, bool) {
	if kindOf(it.Key) != ofSecrets || text(it.body, "type") != "kubernetes.io/service-account-token" {
		return manifests.Key{}, false
	}
	name := text(it.body, "metadata", "annotations", "kubernetes.io/service-account.name")
	return manifests.Key{Resource: ofAccounts.resource, Namespace: it.Namespace, Name: name}, true
}

// lookForAccount says why a Secret with a token can't be made, or after which account of the plan.
func (p *planner) lookForAccount(ctx context.Context, it *item) (why string, after []manifests.Key, err error) {
	account, ok := it.account()
	if !ok || isDefault(account) {
		return "", nil, nil
	}
	if bad := path.IsValidPathSegmentName(account.Name); account.Name == "" || len(bad) > 0 {
		return "its annotation kubernetes.io/service-account.name names no service account: correct it", nil, nil
	}
	planned := p.byKey[account]
	switch {
	case planned == nil || !planned.looked: // what was skipped before may be there all the same
	case planned.absent:
		return "", []manifests.Key{account}, nil
	default:
		return "", nil, nil
	}
	r := manifests.Resource{Version: "v1", Resource: ofAccounts.resource, Kind: "ServiceAccount", Namespaced: true}
	_, err = p.cluster.at(r, account.Namespace).Get(ctx, account.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err) && planned != nil:
		return fmt.Sprintf("there is no %s that it has a token of, and it is not brought back: %s", account, planned.Why), nil, nil
	case apierrors.IsNotFound(err):
		return fmt.Sprintf("there is no %s that it has a token of: bring it back as well", account), nil, nil
	}
	return "", nil, err
}
