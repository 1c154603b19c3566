package adopt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// ErrUnknownDriver is the error of a handle whose driver the cluster does not have.
var ErrUnknownDriver = errors.New("the cluster does not have the driver")

// ErrClass is the error of a class that can't be used, or of a choice among several that is the caller's.
var ErrClass = errors.New("no class to use")

var drivers = schema.GroupVersionResource{Group: "storage.k8s.io", Version: "v1", Resource: "csidrivers"}

// chooseClass gives the class that is named, or that of the same name as where the snapshot is from, or the default one of the
// driver, or its only one. It gives nil for a driver that is there and has none: the driver then needs no secrets.
//
// A driver is there if it has a class or a CSIDriver. Both are optional, but whoever snapshots has a class.
func chooseClass(ctx context.Context, in dynamic.Interface, driver, named, theirs string) (*api.Class, error) {
	var own []*api.Class
	for class, err := range api.List[api.Class](ctx, in, api.Classes, "", "") {
		switch {
		case err != nil:
			return nil, err
		case class.Driver == driver:
			own = append(own, class)
		case class.Name == named:
			return nil, fmt.Errorf("%w: VolumeSnapshotClass %s is of driver %s, and the snapshot of %s",
				ErrClass, named, class.Driver, driver)
		}
	}
	if named != "" {
		if i := slices.IndexFunc(own, func(c *api.Class) bool { return c.Name == named }); i >= 0 {
			return own[i], nil
		}
		return nil, fmt.Errorf("%w: there is no VolumeSnapshotClass %s", ErrClass, named)
	}
	if len(own) == 0 {
		return nil, known(ctx, in, driver)
	}
	return pick(own, theirs)
}

// pick chooses among the classes of a driver.
func pick(own []*api.Class, theirs string) (*api.Class, error) {
	var defaults []*api.Class
	var names []string
	for _, class := range own {
		if class.Name == theirs {
			return class, nil
		}
		if class.Annotations[api.AnnotationDefaultClass] == "true" {
			defaults = append(defaults, class)
		}
		names = append(names, class.Name)
	}
	switch {
	case len(defaults) == 1:
		return defaults[0], nil
	case len(own) == 1:
		return own[0], nil
	}
	return nil, fmt.Errorf("%w: the driver has several, name one of %s", ErrClass, strings.Join(names, ", "))
}

// known looks for a driver without classes.
func known(ctx context.Context, in dynamic.Interface, driver string) error {
	_, err := api.Get[storagev1.CSIDriver](ctx, in, drivers, "", driver)
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("%w %s: it has no VolumeSnapshotClass and no CSIDriver, so nobody would look after the snapshot",
			ErrUnknownDriver, driver)
	}
	return err
}

// Keys of a class's parameters (external-snapshotter, pkg/utils/util.go).
const (
	secretName      = "csi.storage.k8s.io/snapshotter-secret-name"
	secretNamespace = "csi.storage.k8s.io/snapshotter-secret-namespace"
)

// Secrets gives the annotations by which the sidecar finds the secret for a snapshot, of which it cuts and deletes it: for others
// of the class, snapshot-controller writes them. The templates are those of GetSecretReference in pkg/utils/util.go.
func Secrets(class *api.Class, content, namespace, name string) map[string]string {
	if class == nil || class.Parameters[secretName] == "" || class.Parameters[secretNamespace] == "" {
		return nil
	}
	place := strings.NewReplacer("${volumesnapshotcontent.name}", content, "${volumesnapshot.namespace}", namespace)
	title := strings.NewReplacer("${volumesnapshotcontent.name}", content, "${volumesnapshot.namespace}", namespace,
		"${volumesnapshot.name}", name)
	return map[string]string{
		api.AnnotationDeletionSecret:  title.Replace(class.Parameters[secretName]),
		api.AnnotationDeletionSecrets: place.Replace(class.Parameters[secretNamespace]),
	}
}
