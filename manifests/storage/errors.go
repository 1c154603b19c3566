package storage

import (
	"errors"
	"fmt"
)

var (
	// ErrEncrypted says that a value is encrypted and can't be opened: there is no EncryptionConfiguration, it has no key that
	// opens it, or the key is with a KMS.
	ErrEncrypted = errors.New("the value is encrypted")
	// ErrUnknownType says that the value is in protobuf and of a type that this program was not built with: of a newer
	// Kubernetes, of one so old that its types are gone, or of a vendor. Its metadata is readable: see [ReadMeta].
	ErrUnknownType = errors.New("this program does not know the type")
	// ErrDamaged says that a value is not what its beginning promises, or another object's than its key's.
	ErrDamaged = errors.New("the value is damaged")
	// ErrNotObject says that a key is of no object: see [Place].
	ErrNotObject = errors.New("the key is of no object")
)

// damaged makes an ErrDamaged of what a reader says, unless it is one.
func damaged(err error) error {
	if errors.Is(err, ErrDamaged) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}
