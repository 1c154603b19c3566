package kubeadm_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/clustersnap/clustersnap/kubeadm"
)

// Whatever stands in a manifest or in a configuration file: an error of one line, or values that can be used.
func FuzzRead(f *testing.F) {
	names, err := filepath.Glob("testdata/*/etcd.*")
	if err != nil || len(names) == 0 {
		f.Fatal("no seeds")
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), "")
	}
	f.Add(strings.ReplaceAll(rke2Etcd, "var/lib/rancher/rke2/server/db/etcd", "etc/etcd"), etcdConfig)
	f.Fuzz(func(t *testing.T, manifest, config string) {
		root := fstest.MapFS{manifestDir + "/etcd.yaml": {Data: []byte(manifest)}, "etc/etcd/config": {Data: []byte(config)}}
		node, err := kubeadm.Read(root, kubeadm.Options{})
		if err != nil {
			if len(err.Error()) > 1<<16 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		e := node.Etcd
		if !strings.HasPrefix(e.DataDir.Value, "/") || len(e.Endpoints) == 0 {
			t.Errorf("read %s", describe(e))
		}
		for _, endpoint := range e.Endpoints {
			if !strings.HasPrefix(endpoint.Value, "http") {
				t.Errorf("endpoint %q", endpoint.Value)
			}
		}
	})
}
