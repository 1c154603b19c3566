// Package atrest reads what kube-apiserver encrypts before etcd sees it: the configuration that says how, and the values.
//
//	config, err := atrest.Parse(file)
//	...
//	defer config.Clear()
//	resource, ok := atrest.ResourceOf(kv.Key, "/registry")
//	...
//	object, err := config.Decrypt(resource, kv.Key, kv.Value)
//
// It does what k8s.io/apiserver does in pkg/server/options/encryptionconfig and pkg/storage/value, and only the half
// of it that reads. Keys that a KMS holds are not asked for.
package atrest
