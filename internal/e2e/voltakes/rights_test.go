package voltakes

import (
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/clustersnap/clustersnap/volsnap"
)

// fewRights takes without the right to see contents, nor snapshots of other namespaces.
func fewRights(p *place) {
	p.fill("rights", p.Drivers[0], names(3)...)
	c, _ := p.cluster()
	plan := p.plan(c, "rights")
	_, err := p.Client.RbacV1().Roles("rights").Create(p.ctx, &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "take"},
		Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{"snapshot.storage.k8s.io"}, Resources: []string{"volumesnapshots"},
			Verbs: []string{"create", "get", "list", "watch", "delete"},
		}},
	}, metav1.CreateOptions{})
	must(p, err)
	_, err = p.Client.RbacV1().RoleBindings("rights").Create(p.ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "take"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "take"},
		Subjects:   []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: "few"}},
	}, metav1.CreateOptions{})
	must(p, err)
	config := rest.CopyConfig(p.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "few"}
	few, err := volsnap.NewCluster(config)
	must(p, err)
	account, err := few.Take(p.ctx, plan, volsnap.TakeOptions{Run: "rights", Ready: true})
	must(p, err)
	for _, r := range account.Volumes {
		if r.Outcome != volsnap.Snapshotted || !r.Snapshot.Ready || r.Snapshot.Cut.IsZero() || r.Snapshot.Pinned ||
			len(r.Lacking) != 1 || !strings.Contains(r.Lacking[0], "not pinned") {
			p.Errorf("result is %+v, snapshot %+v", r, r.Snapshot)
		}
	}
	if len(account.Notes) != 1 || !strings.Contains(account.Notes[0], "pods rest longer") {
		p.Errorf("notes are %q", account.Notes)
	}
	if account.Complete() == nil {
		p.Error("an account without a pin is complete")
	}
	must(p, p.take(c, plan, volsnap.TakeOptions{Run: "rights"}).Complete()) // with all rights what is there is pinned
}
