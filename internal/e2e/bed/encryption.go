package bed

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
)

// EncryptionConfig is where in the root kube-apiserver's encryption configuration lies with [Options.Encryption]:
// Secrets are encrypted with secretbox under a key named "key1", so their values in etcd begin with
// "k8s:enc:secretbox:v1:key1:".
const EncryptionConfig = "etc/kubernetes/encryption/config.yaml"

const encryptionConfig = `apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - secretbox: {keys: [{name: key1, secret: %s}]}
  - identity: {}
`

// writeEncryptionConfig writes a configuration with a new key.
func writeEncryptionConfig(root string) error {
	key := make([]byte, 32)
	rand.Read(key) // never returns an error
	file := filepath.Join(root, EncryptionConfig)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	text := fmt.Sprintf(encryptionConfig, base64.StdEncoding.EncodeToString(key))
	return os.WriteFile(file, []byte(text), 0o600)
}
