package restore

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/dynamic"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// defaultClass marks the StorageClass of claims that name none.
const defaultClass = "storageclass.kubernetes.io/is-default-class"

// chooseClass gives the class that is named, or that of the claim that was, or the driver's default one, or its only one.
func chooseClass(
	ctx context.Context, in dynamic.Interface, driver, named string, like *corev1.PersistentVolumeClaim,
) (*storagev1.StorageClass, error) {
	if named != "" {
		return namedClass(ctx, in, driver, named)
	}
	var own, defaults []*storagev1.StorageClass
	var names []string
	for class, err := range api.List[storagev1.StorageClass](ctx, in, api.StorageClasses, "", "") {
		switch {
		case err != nil:
			return nil, err
		case class.Provisioner != driver:
			continue
		case like != nil && value(like.Spec.StorageClassName) == class.Name:
			return class, nil
		case class.Annotations[defaultClass] == "true":
			defaults = append(defaults, class)
		}
		own, names = append(own, class), append(names, class.Name)
	}
	switch {
	case len(defaults) == 1:
		return defaults[0], nil
	case len(own) == 1:
		return own[0], nil
	case len(own) == 0:
		return nil, fmt.Errorf("%w: no storage class has the driver %s as its provisioner", ErrUnfit, driver)
	}
	return nil, fmt.Errorf("%w: driver %s has several storage classes, name one of %s",
		ErrUnfit, driver, strings.Join(names, ", "))
}

func namedClass(ctx context.Context, in dynamic.Interface, driver, name string) (*storagev1.StorageClass, error) {
	class, err := api.Get[storagev1.StorageClass](ctx, in, api.StorageClasses, "", name)
	switch {
	case apierrors.IsNotFound(err):
		return nil, fmt.Errorf("%w: there is no storage class %s", ErrUnfit, name)
	case err != nil:
		return nil, err
	case class.Provisioner != driver:
		return nil, fmt.Errorf("%w: storage class %s is of provisioner %s, and the snapshot of driver %s", ErrUnfit, name,
			class.Provisioner, driver)
	}
	return class, nil
}

// waits reports whether a class makes volumes only for pods.
func waits(class *storagev1.StorageClass) bool {
	return class.VolumeBindingMode != nil && *class.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer
}
