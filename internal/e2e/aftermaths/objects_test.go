package aftermaths

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// lasting is the scene for what cleans up a test: its objects stay.
func (s *scene) lasting() *scene {
	q := *s
	q.ctx = context.WithoutCancel(s.ctx)
	return &q
}

// renew has the Lease of a node renewed some time before, and now when the test is over.
func (s *scene) renew(node string, before time.Duration) {
	s.Helper()
	renewed := func(s *scene, before time.Duration) {
		s.patch("Lease", "kube-node-lease", node, `{"spec": {"renewTime": "`+s.at(before)+`"}}`)
	}
	renewed(s, before)
	s.Cleanup(func() { renewed(s.lasting(), 0) })
}

func account(name string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

// webhook is a configuration for a kind that is not there, whose Service is in the namespace shop.
func webhook(kind, name, policy, service string) string {
	return fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: %sWebhookConfiguration
metadata: {name: %s}
webhooks:
- name: %[2]s.none.example
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: %s
  rules: [{apiGroups: [none.example], apiVersions: [v1], resources: [things], operations: [CREATE]}]
  clientConfig: {service: {namespace: shop, name: %s}}
---
`, kind, name, policy, service)
}

// nodeOf is a Node that is ready, and its Lease.
func nodeOf(name, podRange string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Node
metadata: {name: %[1]s}
spec: {podCIDR: %[2]s, podCIDRs: [%[2]s]}
status: {conditions: [{type: Ready, status: "True"}]}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: %[1]s, namespace: kube-node-lease}
spec: {holderIdentity: %[1]s, leaseDurationSeconds: 40, renewTime: NOW}`, name, podRange)
}

func attachment(name, node, volume string) string {
	return fmt.Sprintf(`
apiVersion: storage.k8s.io/v1
kind: VolumeAttachment
metadata: {name: %s}
spec: {attacher: disk.example, nodeName: %s, source: {persistentVolumeName: %s}}`, name, node, volume)
}

// volumeOf is a PersistentVolume. More of its spec and its source are one line each.
func volumeOf(name, more, source string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: PersistentVolume
metadata: {name: %s}
spec:
  accessModes: [ReadWriteOnce]
  capacity: {storage: 1Gi}
  persistentVolumeReclaimPolicy: Retain
  storageClassName: ""
  %s
  %s`, name, more, source)
}

// on binds a volume to a host.
func on(host string) string {
	return "nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: " +
		"[{key: kubernetes.io/hostname, operator: In, values: [" + host + "]}]}]}}"
}

func balancer(name, ingress string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Service
metadata: {name: %s, namespace: shop}
spec: {type: LoadBalancer, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [%s]}}`, name, ingress)
}

// keeper is a pod of one DaemonSet that mounts a directory of its node.
func keeper(name, node, hostPath, mount string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata:
  name: %s
  namespace: shop
  ownerReferences: [{apiVersion: apps/v1, kind: DaemonSet, name: keeper, uid: %s, controller: true}]
spec:
  nodeName: %s
  containers: [{name: c, image: none.example/none, volumeMounts: [{name: data, mountPath: /data%s}]}]
  volumes: [{name: data, hostPath: %s}]
status: {phase: Running, startTime: "2026-01-01T00:00:00Z"}`, name, uid1, node, mount, hostPath)
}

// definition is one of a kind of any shape.
func definition(group, version, kind, plural, singular string) string {
	return fmt.Sprintf(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[4]s.%[1]s}
spec:
  group: %[1]s
  scope: Cluster
  names: {kind: %[3]s, listKind: %[3]sList, plural: %[4]s, singular: %[5]s}
  versions:
  - name: %[2]s
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}`,
		group, version, kind, plural, singular)
}

// signingRequest is one that no controller approves.
func signingRequest(s *scene) *certificatesv1.CertificateSigningRequest {
	s.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(s, err)
	request := &x509.CertificateRequest{Subject: pkix.Name{CommonName: "somebody"}}
	raw, err := x509.CreateCertificateRequest(rand.Reader, request, key)
	must(s, err)
	return &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{Name: "waits"},
		Spec: certificatesv1.CertificateSigningRequestSpec{
			Request: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: raw}), SignerName: "example.com/signer",
			Usages: []certificatesv1.KeyUsage{certificatesv1.UsageClientAuth},
		},
	}
}

// accessReview asks whether a user may get the URL that is named for it.
func accessReview(name string) *authorizationv1.SubjectAccessReview {
	return &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: name, NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: "/" + name, Verb: "get"},
	}}
}
