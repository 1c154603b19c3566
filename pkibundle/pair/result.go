package pair

// Result is one thing that was held against another.
type Result struct {
	Subject Subject `json:"subject"`
	State   State   `json:"state"`
	Why     string  `json:"why"` // one sentence: which file, which object, and how they compare
}

// Subject is what of a bundle a result is about. There is at least one result for each.
type Subject string

// The subjects.
const (
	// ClusterCA is held against the ConfigMaps kube-public/cluster-info, kube-root-ca.crt of all namespaces, and
	// client-ca-file in kube-system/extension-apiserver-authentication. One certificate in common is a match, as CAs are
	// exchanged in steps.
	ClusterCA Subject = "cluster-ca"
	// FrontProxyCA is held against requestheader-client-ca-file in kube-system/extension-apiserver-authentication, in
	// the same way.
	FrontProxyCA Subject = "front-proxy-ca"
	// EncryptionConfig has a result for each resource and key name that is found in the snapshot.
	EncryptionConfig Subject = "encryption-config"
	// ServiceAccountKey is held against the Secrets of the type kubernetes.io/service-account-token: one token that the
	// public key verifies is a match, as older ones outlive an exchange of the key. If the private key is not that of the
	// public one, a second result says so.
	ServiceAccountKey Subject = "service-account-key"
	// ClusterConfiguration is that in the ConfigMap kube-system/kubeadm-config, which is held against flags, an image and
	// admin.conf, with a result for each.
	ClusterConfiguration Subject = "cluster-configuration"
)

// State says how a comparison ended.
type State string

// The states.
const (
	Match        State = "match"
	Mismatch     State = "mismatch"
	NotCheckable State = "not-checkable" // one of the two sides is not there, or cannot be read here
)
