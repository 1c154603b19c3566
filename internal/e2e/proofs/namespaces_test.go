package proofs

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/storage/proof"
)

// emptied holds that a proof goes on when namespaces are gone that the dump was limited to: first one, and then all.
func emptied(s *scene) {
	all := s.node.Kubernetes(s).CoreV1()
	names := []string{"emptied-one", "emptied-two"}
	for _, name := range names {
		place := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		_, err := all.Namespaces().Create(s.ctx, place, metav1.CreateOptions{})
		must(s, err)
		held := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "in-" + name}}
		_, err = all.ConfigMaps(name).Create(s.ctx, held, metav1.CreateOptions{})
		must(s, err)
	}
	saved := s.dump(func(manifests.Key) bool { return false }, manifests.Options{Namespaces: names})
	for i, name := range names {
		must(s, all.Namespaces().Delete(s.ctx, name, metav1.DeleteOptions{}))
		s.await(func() bool {
			_, err := all.Namespaces().Get(s.ctx, name, metav1.GetOptions{})
			return apierrors.IsNotFound(err)
		})
		p, err := proof.FromAPI(s.ctx, s.side(saved), s.node.RESTConfig(s))
		must(s, err)
		for _, gone := range names[:i+1] {
			if f := s.find(p, "in-"+gone); f.Is != proof.Deleted || !strings.Contains(f.Why, "nor when it was looked up") {
				s.Errorf("the finding is %v", f)
			}
		}
		if there := i == 0; p.Complete() != there || (p.Matched > 0) != there {
			s.Errorf("with %d namespaces gone the proof is %v", i+1, p)
		}
	}
}
