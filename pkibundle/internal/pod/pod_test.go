package pod_test

import (
	"testing"

	"github.com/clustersnap/clustersnap/pkibundle/internal/pod"
)

const manifest = `apiVersion: v1
kind: Pod
spec:
  containers:
  - image: sidecar:v1
    args: [--listen=/x]
  - image: registry.k8s.io/kube-apiserver:v1.37.2
    command: [/usr/local/bin/kube-apiserver, --a=1, --b, two]
    args: [--a=2, -c]
    volumeMounts:
    - {name: certs, mountPath: /serving/}
    - {name: deep, mountPath: /serving/deep, subPath: sub/dir}
    - {name: root, mountPath: /}
    - {name: scratch, mountPath: /serving/scratch}
  volumes:
  - {name: certs, hostPath: {path: /srv/certs}}
  - {name: deep, hostPath: {path: /srv/deep/}}
  - {name: root, hostPath: {path: /host}}
  - {name: scratch, emptyDir: {}}
`

func TestPrograms(t *testing.T) {
	found := pod.Programs([]byte(manifest))
	if len(found) != 1 || found[0].Name != "kube-apiserver" || found[0].Image != "registry.k8s.io/kube-apiserver:v1.37.2" {
		t.Fatalf("programs %+v", found)
	}
	for flag, want := range map[string]string{"a": "2", "b": "two", "c": "true", "d": ""} {
		if got := found[0].Flag(flag); got != want {
			t.Errorf("--%s is %q, want %q", flag, got, want)
		}
	}
	for inside, want := range map[string]string{
		"/serving/own.crt": "/srv/certs/own.crt", "/serving": "/srv/certs", "/serving/deep/a": "/srv/deep/sub/dir/a",
		"/serving/deeper": "/srv/certs/deeper", "/servings/a": "/host/servings/a", "/serving/../a": "/host/a", "a": "a", "": "",
	} {
		if got := found[0].OnNode(inside); got != want {
			t.Errorf("%s is %s on the node, want %s", inside, got, want)
		}
	}
}

func TestNoProgram(t *testing.T) {
	var none *pod.Program
	if none.Flag("a") != "" || none.OnNode("/a") != "/a" {
		t.Error("a program that is not there has flags or mounts")
	}
	for _, text := range []string{"", "kind: Deployment", "kind: Pod", "\t"} {
		if found := pod.Programs([]byte(text)); len(found) > 0 {
			t.Errorf("%q has %+v", text, found)
		}
	}
}

// TestByName has the first of a name, and what is in a directory of manifests before what is not.
func TestByName(t *testing.T) {
	type file struct{ path, image string }
	found := pod.ByName([]file{
		{"etc/kubernetes/a-patches/etcd0.yaml", "patch"}, {"etc/kubernetes/manifests/a.yaml", "first"},
		{"etc/kubernetes/manifests/b.yaml", "second"},
	}, func(f file) (string, []byte) {
		return f.path, []byte("kind: Pod\nspec: {containers: [{command: [etcd, --x], image: " + f.image + "}]}")
	})
	if p := found["etcd"]; len(found) != 1 || p.Image != "first" || p.Path != "etc/kubernetes/manifests/a.yaml" {
		t.Errorf("found %+v", found)
	}
}
