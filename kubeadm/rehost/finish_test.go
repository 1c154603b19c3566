package rehost_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/kubeadm/rehost"
)

const (
	markIt     = "kubeadm init phase mark-control-plane --config /etc/kubernetes/rehost.yaml\n"
	storeIt    = "kubeadm init phase upload-config kubeadm --config /etc/kubernetes/rehost.yaml\n"
	finalizeIt = "timeout 300 sh -c 'until [ -e /var/lib/kubelet/pki/kubelet-client-current.pem ]; do sleep 1; done'\n" +
		"kubeadm init phase kubelet-finalize all --config /etc/kubernetes/rehost.yaml\nrm -f -- /etc/kubernetes/rehost.yaml"
	asAdmin = "kubectl --kubeconfig /etc/kubernetes/admin.conf "
)

func TestFinish(t *testing.T) {
	o := objects(t, "v1beta4")
	plan, err := rehost.Finish(o, oldHost, newHost)
	if err != nil {
		t.Fatal(err)
	}
	wantSteps(t, plan, markIt+storeIt+
		asAdmin+"label node cp-new --overwrite example.org/rack=r1\n"+asAdmin+"delete node cp-1 --ignore-not-found\n"+finalizeIt)
	init := planInit(t, o, newHost, rehost.InitOptions{})
	if string(plan.Config) != string(init.Config) || plan.ConfigPath != init.ConfigPath ||
		len(plan.Findings) != len(init.Findings) {
		t.Errorf("configuration and findings are not those of Init: %v\n%s", plan.Findings, plan.Config)
	}
}

// A machine of the same name: its Node stays. Nothing of the configuration is about an address.
func TestFinishOfTheSameName(t *testing.T) {
	o := objects(t, "v1beta4")
	config := o.ConfigMaps[0].Data
	config["ClusterConfiguration"] = strings.ReplaceAll(config["ClusterConfiguration"], "10.0.0.11", "10.0.8.8")
	to := newHost
	to.Name = oldHost.Name
	plan, err := rehost.Finish(o, oldHost, to)
	if err != nil {
		t.Fatal(err)
	}
	wantSteps(t, plan, markIt+finalizeIt)
}

// A kubelet that does not renew its certificate is not waited for.
func TestFinishWithoutRotation(t *testing.T) {
	o := objects(t, "v1beta4")
	o.ConfigMaps[1].Data["kubelet"] += "rotateCertificates: false\n"
	plan, err := rehost.Finish(o, oldHost, oldHost)
	if err != nil {
		t.Fatal(err)
	}
	wantSteps(t, plan, markIt+"rm -f -- /etc/kubernetes/rehost.yaml")
}

func TestFinishRefused(t *testing.T) {
	if _, err := rehost.Finish(&rehost.Objects{}, oldHost, newHost); !errors.Is(err, rehost.ErrNoConfiguration) {
		t.Errorf("%v, want %v", err, rehost.ErrNoConfiguration)
	}
	if _, err := rehost.Finish(objects(t, "v1beta4"), oldHost, rehost.Host{Name: "CP", Address: newHost.Address}); err == nil {
		t.Error("a name that is none is taken")
	}
}
