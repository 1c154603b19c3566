package demonode

import (
	cryptorand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// draft is what an object is made of: its number, which stays, and what an edit changes.
type draft struct {
	i    int
	meta metav1.ObjectMeta
	r    *rand.Rand
}

// kinds are the twenty objects of one team in the order in which they are made: the namespace first, then one
// of each kind, then more of the frequent ones. A maker returns the resource's name in etcd keys and the object.
func kinds() []func(draft) (string, storable) {
	return []func(draft) (string, storable){
		namespace, serviceAccount, configMap, secret, deployment, service, clusterRole, pod, pod, configMap,
		pod, secret, pod, deployment, configMap, pod, service, pod, secret, pod,
	}
}

// object is the etcd entry of the i-th object after some edits. The same arguments give the same entry
// each time, but for the contents of Secrets.
func object(i, edit int) (key, value string, err error) {
	kinds := kinds()
	apps := []string{"billing", "catalog", "checkout", "mail", "search", "stock", "web"}
	app := apps[i%len(apps)]
	meta := metav1.ObjectMeta{
		Namespace: fmt.Sprintf("team-%04d", i/len(kinds)),
		Name:      fmt.Sprintf("%s-%d", app, i),
		Labels:    map[string]string{"app.kubernetes.io/name": app},
	}
	if edit > 0 {
		meta.Annotations = map[string]string{"kubernetes.io/change-cause": fmt.Sprintf("edit %d", edit)}
	}
	resource, object := kinds[i%len(kinds)](draft{i, meta, rand.New(rand.NewPCG(uint64(i), uint64(edit)))})
	return entry(resource, object)
}

func namespace(d draft) (string, storable) {
	d.meta.Name, d.meta.Namespace = d.meta.Namespace, ""
	d.meta.Labels = map[string]string{corev1.LabelMetadataName: d.meta.Name}
	return "namespaces", &corev1.Namespace{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: d.meta,
		Spec:       corev1.NamespaceSpec{Finalizers: []corev1.FinalizerName{corev1.FinalizerKubernetes}},
		Status:     corev1.NamespaceStatus{Phase: corev1.NamespaceActive},
	}
}

func serviceAccount(d draft) (string, storable) {
	return "serviceaccounts", &corev1.ServiceAccount{
		TypeMeta:         metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
		ObjectMeta:       d.meta,
		ImagePullSecrets: []corev1.LocalObjectReference{{Name: "registry"}},
	}
}

// configMap is about 1 KB in size, and 20 KB for one in four.
func configMap(d draft) (string, storable) {
	size := 1 << 10
	if d.r.IntN(4) == 0 {
		size = 20 << 10
	}
	return "configmaps", &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: d.meta,
		Data:       map[string]string{"settings.conf": prose(d.r, size)},
	}
}

func secret(d draft) (string, storable) {
	return "secrets", &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: d.meta,
		Type:       corev1.SecretTypeBasicAuth,
		Data:       map[string][]byte{"username": []byte(d.meta.Name), "password": []byte(cryptorand.Text())},
	}
}

func service(d draft) (string, storable) {
	address := fmt.Sprintf("10.%d.%d.%d", 96+d.i>>16&15, d.i>>8&255, d.i&255)
	family, policy := corev1.IPFamilyPolicySingleStack, corev1.ServiceInternalTrafficPolicyCluster
	return "services/specs", &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: d.meta,
		Spec: corev1.ServiceSpec{
			Type:                  corev1.ServiceTypeClusterIP,
			ClusterIP:             address,
			ClusterIPs:            []string{address},
			IPFamilies:            []corev1.IPFamily{corev1.IPv4Protocol},
			IPFamilyPolicy:        &family,
			InternalTrafficPolicy: &policy,
			SessionAffinity:       corev1.ServiceAffinityNone,
			Selector:              d.meta.Labels,
			Ports: []corev1.ServicePort{
				{Name: "http", Protocol: corev1.ProtocolTCP, Port: 80, TargetPort: intstr.FromString("http")},
			},
		},
	}
}

func clusterRole(d draft) (string, storable) {
	d.meta.Name, d.meta.Namespace = d.meta.Namespace+":"+d.meta.Name, ""
	return "clusterroles", &rbacv1.ClusterRole{
		TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole"},
		ObjectMeta: d.meta,
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"pods", "services"}, Verbs: []string{"get", "list", "watch"}},
			{APIGroups: []string{"apps"}, Resources: []string{"deployments"}, Verbs: []string{"get", "patch"}},
		},
	}
}

// prose is about n bytes of text that compresses as settings files do.
func prose(r *rand.Rand, n int) string {
	words := []string{"cache", "limit", "retry", "timeout", "upstream", "enabled", "pool", "queue", "worker", "backoff", "batch", "buffer"}
	var text strings.Builder
	for text.Len() < n {
		fmt.Fprintf(&text, "%s.%s = %d\n", words[r.IntN(len(words))], words[r.IntN(len(words))], r.IntN(1000))
	}
	return text.String()
}
