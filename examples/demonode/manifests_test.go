package demonode

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// Each path in a flag must be a file or directory of the tree, and a volume must bring it into the container.
func TestManifestPathsExist(t *testing.T) {
	node, _ := start(t, 0)
	for name, want := range map[string]int{"etcd": 7, "kube-apiserver": 13, "kube-controller-manager": 9, "kube-scheduler": 3} {
		pod := manifest(t, node, name)
		paths := 0
		for flag, value := range flags(pod) {
			if !strings.HasPrefix(value, "/") {
				continue
			}
			paths++
			if _, err := os.Stat(filepath.Join(node.Root, value)); err != nil {
				t.Errorf("%s --%s: %v", name, flag, err)
			}
			if !slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
				return value == v.HostPath.Path || strings.HasPrefix(value, v.HostPath.Path+"/")
			}) {
				t.Errorf("%s --%s: no volume holds %s", name, flag, value)
			}
		}
		if paths != want {
			t.Errorf("%s names %d paths, want %d", name, paths, want)
		}
	}
}

// What etcd says about itself must be what its manifest says.
func TestEtcdRunsAsItsManifestSays(t *testing.T) {
	node, client := start(t, 0)
	pod := manifest(t, node, "etcd")
	flag := flags(pod)

	members, err := client.MemberList(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	status, err := client.Status(t.Context(), flag["advertise-client-urls"])
	if err != nil {
		t.Fatal(err)
	}
	self := members.Members[0]
	for what, pair := range map[string][2]string{
		"name":       {self.Name, flag["name"]},
		"client URL": {fmt.Sprint(self.ClientURLs), "[" + flag["advertise-client-urls"] + "]"},
		"peer URL":   {fmt.Sprint(self.PeerURLs), "[" + flag["initial-advertise-peer-urls"] + "]"},
		"endpoint":   {node.Endpoint, flag["listen-client-urls"]},
		"apiserver":  {node.Endpoint, flags(manifest(t, node, "kube-apiserver"))["etcd-servers"]},
		"image":      {"registry.k8s.io/etcd:" + status.Version + "-0", pod.Spec.Containers[0].Image},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %s, the manifest says %s", what, pair[0], pair[1])
		}
	}

	probe := pod.Spec.Containers[0].ReadinessProbe.HTTPGet
	web := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := web.Get(fmt.Sprintf("http://%s:%d%s", probe.Host, pod.Spec.Containers[0].Ports[0].ContainerPort, probe.Path))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("the readiness probe answers %s", response.Status)
	}
}

func manifest(t *testing.T, node *Node, name string) *corev1.Pod {
	t.Helper()
	pod := new(corev1.Pod)
	if err := yaml.UnmarshalStrict(readFile(t, filepath.Join(node.Root, manifestsDir, name+".yaml")), pod); err != nil {
		t.Fatal(err)
	}
	if pod.Name != name || pod.Namespace != "kube-system" {
		t.Fatalf("%s.yaml defines the pod %s/%s", name, pod.Namespace, pod.Name)
	}
	return pod
}

func flags(pod *corev1.Pod) map[string]string {
	values := map[string]string{}
	for _, argument := range pod.Spec.Containers[0].Command[1:] {
		name, value, _ := strings.Cut(strings.TrimPrefix(argument, "--"), "=")
		values[name] = value
	}
	return values
}

// manifestMember reads the ports back from etcd's manifest.
func manifestMember(t *testing.T, node *Node) member {
	t.Helper()
	flag := flags(manifest(t, node, "etcd"))
	var ports []int
	for _, name := range []string{"listen-client-urls", "listen-peer-urls", "listen-metrics-urls"} {
		u, err := url.Parse(flag[name])
		if err != nil {
			t.Fatal(err)
		}
		port, err := strconv.Atoi(u.Port())
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, port)
	}
	return member{ports[0], ports[1], ports[2]}
}
