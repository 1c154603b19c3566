package storage

import (
	"fmt"
	"strings"

	"github.com/clustersnap/clustersnap/manifests"
)

// LossyError says that a value has fields that this program does not know, because the types of k8s.io/api that it is built
// with are older than what wrote the value. Built with newer ones it has the whole object.
type LossyError struct {
	// Fields are the paths of what would be lost, such as "spec.template.spec.#42" for a field with that number.
	Fields []string
	// Object is what there is without them.
	Object *manifests.Object
}

func (e *LossyError) Error() string {
	return fmt.Sprintf("the object has fields that this program is too old to know, built with a newer k8s.io/api it has them: %s",
		strings.Join(e.Fields, ", "))
}
