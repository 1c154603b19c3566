package api

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// names of types that end a path, however they are made inside.
var names = map[reflect.Type]string{
	reflect.TypeFor[metav1.Time]():          "time",
	reflect.TypeFor[resource.Quantity]():    "quantity",
	reflect.TypeFor[metav1.LabelSelector](): "selector",
}

// pathsOf are the paths that a type has in JSON below a path, each with its kind, but for metadata.
func pathsOf(kind reflect.Type, path string) []string {
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	if name := names[kind]; name != "" {
		return []string{path + " " + name}
	}
	if kind.Kind() != reflect.Struct {
		return []string{path + " " + kind.Kind().String()}
	}
	var all []string
	for i := range kind.NumField() {
		name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
		if name != "" && name != "metadata" {
			all = append(all, pathsOf(kind.Field(i).Type, path+"."+name)...)
		}
	}
	return all
}

// A test of internal/e2e, which can't import this package, holds the file against the official types.
func TestFieldsAreThoseOfTheFile(t *testing.T) {
	var all []string
	for _, kind := range []struct {
		name string
		of   reflect.Type
	}{
		{"VolumeSnapshot", reflect.TypeFor[Snapshot]()},
		{"VolumeSnapshotContent", reflect.TypeFor[Content]()},
		{"VolumeSnapshotClass", reflect.TypeFor[Class]()},
		{"VolumeGroupSnapshot", reflect.TypeFor[GroupSnapshot]()},
		{"VolumeGroupSnapshotContent", reflect.TypeFor[GroupContent]()},
		{"VolumeGroupSnapshotClass", reflect.TypeFor[GroupClass]()},
	} {
		all = append(all, pathsOf(kind.of, kind.name)...)
	}
	want, err := os.ReadFile("testdata/fields.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(all, "\n") + "\n"; got != string(want) {
		t.Errorf("testdata/fields.txt must have\n%s", got)
	}
}
