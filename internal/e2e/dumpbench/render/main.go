// Command render brings objects into a form that can be kept, on one core, and writes them to nowhere:
//
//	render canonical|sigs FILE TIMES
//
// FILE has one Deployment in JSON per line. With sigs, each is decoded as client-go does, the same fields are removed, and
// sigs.k8s.io/yaml encodes it.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/clustersnap/clustersnap/manifests"
)

func main() {
	if err := run(os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "render:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("usage: render canonical|sigs FILE TIMES")
	}
	render := canonical
	if args[1] == "sigs" {
		render = sigs
	}
	text, err := os.ReadFile(args[2])
	if err != nil {
		return err
	}
	times, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	runtime.GOMAXPROCS(1)
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	for range times {
		for _, line := range lines {
			out, err := render(line)
			if err != nil {
				return err
			}
			io.Discard.Write(out)
		}
	}
	return nil
}

func canonical(object []byte) ([]byte, error) {
	deployments := manifests.Resource{
		Group: "apps", Version: "v1", Resource: "deployments", Kind: "Deployment", Namespaced: true, Status: true,
	}
	o, err := manifests.Canonical(object, deployments, manifests.Portable)
	if err != nil {
		return nil, err
	}
	return o.YAML, nil
}

func sigs(object []byte) ([]byte, error) {
	o := new(unstructured.Unstructured)
	if err := o.UnmarshalJSON(object); err != nil {
		return nil, err
	}
	delete(o.Object, "status")
	meta := o.Object["metadata"].(map[string]any)
	for _, field := range []string{"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "ownerReferences"} {
		delete(meta, field)
	}
	unstructured.RemoveNestedField(meta, "annotations", "deployment.kubernetes.io/revision")
	return yaml.Marshal(o.Object)
}
