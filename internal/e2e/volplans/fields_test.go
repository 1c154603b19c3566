package volplans

import (
	"bufio"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	groupv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumegroupsnapshot/v1"
	groupv1beta1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumegroupsnapshot/v1beta1"
	groupv1beta2 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumegroupsnapshot/v1beta2"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// official are the types of external-snapshotter, each in all versions that volsnap reads.
var official = map[string][]reflect.Type{
	"VolumeSnapshot":        {reflect.TypeFor[snapshotv1.VolumeSnapshot]()},
	"VolumeSnapshotContent": {reflect.TypeFor[snapshotv1.VolumeSnapshotContent]()},
	"VolumeSnapshotClass":   {reflect.TypeFor[snapshotv1.VolumeSnapshotClass]()},
	"VolumeGroupSnapshot": {
		reflect.TypeFor[groupv1.VolumeGroupSnapshot](), reflect.TypeFor[groupv1beta2.VolumeGroupSnapshot](),
		reflect.TypeFor[groupv1beta1.VolumeGroupSnapshot](),
	},
	"VolumeGroupSnapshotContent": {
		reflect.TypeFor[groupv1.VolumeGroupSnapshotContent](), reflect.TypeFor[groupv1beta2.VolumeGroupSnapshotContent](),
		reflect.TypeFor[groupv1beta1.VolumeGroupSnapshotContent](),
	},
	"VolumeGroupSnapshotClass": {
		reflect.TypeFor[groupv1.VolumeGroupSnapshotClass](), reflect.TypeFor[groupv1beta2.VolumeGroupSnapshotClass](),
		reflect.TypeFor[groupv1beta1.VolumeGroupSnapshotClass](),
	},
}

// kindAt is what a type has at a path of JSON, "" if nothing.
func kindAt(kind reflect.Type, path []string) string {
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	switch {
	case len(path) > 0 && kind.Kind() != reflect.Struct:
		return ""
	case len(path) == 0 && kind == reflect.TypeFor[metav1.Time]():
		return "time"
	case len(path) == 0 && kind == reflect.TypeFor[resource.Quantity]():
		return "quantity"
	case len(path) == 0 && kind == reflect.TypeFor[metav1.LabelSelector]():
		return "selector"
	case len(path) == 0:
		return kind.Kind().String()
	}
	for i := range kind.NumField() {
		if name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ","); name == path[0] {
			return kindAt(kind.Field(i).Type, path[1:])
		}
	}
	return ""
}

// What volsnap reads and writes in types of its own is there in the official ones. The file has its fields: a test beside
// volsnap's types sees to that.
func TestTypesAreThoseOfTheController(t *testing.T) {
	_, here, _, _ := runtime.Caller(0)
	file, err := os.Open(filepath.Join(filepath.Dir(here), "../../../volsnap/internal/api/testdata/fields.txt"))
	must(t, err)
	defer file.Close()
	held := 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		path, want, _ := strings.Cut(lines.Text(), " ")
		name, rest, _ := strings.Cut(path, ".")
		for _, kind := range official[name] {
			if got := kindAt(kind, strings.Split(rest, ".")); got != want {
				t.Errorf("%s of %s is %q, want %q", rest, kind, got, want)
			}
			held++
		}
	}
	if held < 40 {
		t.Errorf("%d fields were held against the official ones, want all", held)
	}
}
