package volplans

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/volsnap"
)

// All of them share one control plane; each leaves to the next what it has made.
func TestPlans(t *testing.T) {
	p := newPlace(t)
	t.Run("a cluster without the API", func(t *testing.T) { withoutAPI(p.with(t)) })
	p.serve("snapshot", "v1")
	t.Run("a cluster without groups", func(t *testing.T) { groups(p.with(t), "") })
	t.Run("versions of groups", func(t *testing.T) {
		for _, test := range []struct {
			served []string
			want   string
		}{
			{[]string{"v1beta1"}, "v1beta1"}, {[]string{"v1beta1", "v1beta2"}, "v1beta2"},
			{[]string{"v1", "v1beta1", "v1beta2"}, "v1"},
		} {
			p.with(t).serve("groupsnapshot", test.served...)
			groups(p.with(t), test.want)
		}
	})
	s := newScene(p)
	s.fill()
	t.Run("everything adds up", func(t *testing.T) { (&scene{p.with(t), s.want, ""}).addsUp() })
	t.Run("selections", func(t *testing.T) { (&scene{p.with(t), s.want, ""}).selections() })
	t.Run("few rights", func(t *testing.T) { (&scene{p.with(t), s.want, ""}).rights() })
	t.Run("the rights of the documentation", func(t *testing.T) { (&scene{p.with(t), s.want, ""}).documented() })
	t.Run("migrated volumes", func(t *testing.T) { (&scene{p.with(t), s.want, ""}).migrated() })
}

func withoutAPI(p *place) {
	s := &scene{place: p, want: map[string]string{}, mode: "Filesystem"}
	s.namespace("bare")
	s.claim("bare", "data", csi("disk.example", "bare-data"), "", "not served")
	s.claim("bare", "old", "nfs: {server: files.example, path: /a}", "", "nfs")
	s.pod("bare", "web", "cache: {emptyDir: {}}", "data: {persistentVolumeClaim: {claimName: data}}")
	s.want["bare/web/cache"] = "ephemeral"
	plan := p.plan(volsnap.Selection{}, volsnap.PlanOptions{})
	s.expect(plan)
	if plan.Groups != "" || len(plan.Missing) != 1 || plan.Missing[0].Verb != "" ||
		plan.Missing[0].Resource != "volumesnapshots.snapshot.storage.k8s.io" {
		p.Errorf("groups are served at %q, missing are %v", plan.Groups, plan.Missing)
	}
	s.remove("Pod", "bare", "web")
	s.gone("Pod", "bare", "web")
	for _, claim := range []string{"data", "old"} {
		s.remove("PersistentVolumeClaim", "bare", claim)
		s.gone("PersistentVolumeClaim", "bare", claim)
	}
}

func groups(p *place, want string) {
	p.Helper()
	if plan := p.plan(volsnap.Selection{}, volsnap.PlanOptions{}); plan.Groups != want {
		p.Errorf("groups are served at %q, want %q", plan.Groups, want)
	}
}

// fill makes 200 claims in 5 namespaces, 20 of which can't be snapshotted, and pods with volumes of every kind.
func (s *scene) fill() {
	s.Helper()
	for n := range 5 {
		namespace := fmt.Sprintf("app-%d", n)
		s.namespace(namespace)
		for i := range 36 {
			driver, want := "disk.example", "disk-default"
			if i%3 == 0 {
				driver, want = "share.example", "share-only"
			}
			metadata := fmt.Sprintf(", labels: {tier: t%d}", i%4)
			if i == 7 {
				metadata, want = annotated("clustersnap.github.io/snapshot-class", "disk-other"), "disk-other"
			}
			s.mode = "Filesystem"
			if i == 8 {
				s.mode = "Block"
			}
			name := fmt.Sprintf("data-%d", i)
			s.claim(namespace, name, csi(driver, namespace+"-"+name), metadata, want)
		}
		s.mode = "Filesystem"
	}
	s.odd()
	s.pods()
}

// odd makes 20 claims that can't be snapshotted, 4 in each namespace.
func (s *scene) odd() {
	s.Helper()
	const annotation = "clustersnap.github.io/snapshot-class"
	s.claim("app-0", "host", "hostPath: {path: /srv}", "", "hostPath")
	s.claim("app-0", "disk", "local: {path: /mnt/disk}", "", "local")
	s.claim("app-0", "files", "nfs: {server: files.example, path: /a}", "", "nfs")
	s.claim("app-0", "waiting", "", "", "unbound")
	s.claim("app-1", "lun", "iscsi: {targetPortal: '10.0.0.1:3260', iqn: 'iqn.2020-01.example:a', lun: 0}", "", "not CSI")
	s.claim("app-1", "fibre", "fc: {targetWWNs: ['50060e801049cfd1'], lun: 0}", "", "not CSI")
	s.claim("app-1", "flex", "flexVolume: {driver: example/driver}", "", "not CSI")
	s.claim("app-1", "ebs", "awsElasticBlockStore: {volumeID: vol-1}", "", "migrated")
	s.claim("app-2", "px", "portworxVolume: {volumeID: '1'}", "", "migrated")
	s.claim("app-2", "pd", "gcePersistentDisk: {pdName: a}", "", "migrated")
	s.claim("app-2", "vmdk", "vsphereVolume: {volumePath: '[a] b.vmdk'}", "", "migrated")
	s.claim("app-2", "azure", "azureDisk: {diskName: a, diskURI: /subscriptions/a, kind: Managed}", "", "migrated")
	s.claim("app-3", "cinder", "cinder: {volumeID: a}", "", "migrated")
	s.claim("app-3", "unknown", csi("other.example", "unknown"), "", "no class")
	s.claim("app-3", "foreign", csi("disk.example", "foreign"), annotated(annotation, "share-only"), "class of other driver")
	s.claim("app-3", "classless", csi("disk.example", "classless"), annotated(annotation, "gone"), "class missing")
	s.claim("app-4", "pending", "", "", "unbound")
	s.claim("app-4", "lost", csi("disk.example", "lost"), "", "lost")
	s.make(`{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {namespace: app-4, name: never},
		spec: {accessModes: [ReadWriteOnce], storageClassName: "", resources: {requests: {storage: 1Gi}}}}`)
	s.want["app-4/never"] = "unbound"
	s.claim("app-4", "deleting", csi("disk.example", "deleting"), ", finalizers: [example.com/hold]", "deleting")
	s.remove("PersistentVolumeClaim", "app-4", "deleting")
	s.lose("app-4", "lost")
}

// lose takes a claim's volume away.
func (s *scene) lose(namespace, name string) {
	s.Helper()
	s.remove("PersistentVolume", "", namespace+"-"+name)
	_, err := s.client.Resource(resources["PersistentVolume"]).Patch(s.ctx, namespace+"-"+name, "application/merge-patch+json",
		[]byte(`{"metadata": {"finalizers": null}}`), metav1.PatchOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		s.Fatal(err)
	}
	s.gone("PersistentVolume", "", namespace+"-"+name)
}

// kinds are volumes of pods, with the reason of each; "" for those that have no data of their own or a claim.
var kinds = map[string]string{
	"emptydir: {emptyDir: {}}":                                                         "ephemeral",
	"memory: {emptyDir: {medium: Memory}}":                                             "ephemeral",
	"hostpath: {hostPath: {path: /var}}":                                               "hostPath",
	"gce: {gcePersistentDisk: {pdName: a}}":                                            "not CSI",
	"ebs: {awsElasticBlockStore: {volumeID: a}}":                                       "not CSI",
	"git: {gitRepo: {repository: 'https://git.example/a'}}":                            "ephemeral",
	"nfs: {nfs: {server: files.example, path: /a}}":                                    "nfs",
	"iscsi: {iscsi: {targetPortal: '10.0.0.1:3260', iqn: 'iqn.2020-01.a:b', lun: 0}}":  "not CSI",
	"gluster: {glusterfs: {endpoints: a, path: b}}":                                    "not CSI",
	"rbd: {rbd: {monitors: [a], image: b}}":                                            "not CSI",
	"flex: {flexVolume: {driver: example/driver}}":                                     "not CSI",
	"cinder: {cinder: {volumeID: a}}":                                                  "not CSI",
	"cephfs: {cephfs: {monitors: [a]}}":                                                "not CSI",
	"flocker: {flocker: {datasetName: a}}":                                             "not CSI",
	"fc: {fc: {targetWWNs: [a], lun: 0}}":                                              "not CSI",
	"azurefile: {azureFile: {secretName: a, shareName: b}}":                            "not CSI",
	"vsphere: {vsphereVolume: {volumePath: a}}":                                        "not CSI",
	"quobyte: {quobyte: {registry: 'a:1', volume: b}}":                                 "not CSI",
	"azuredisk: {azureDisk: {diskName: a, diskURI: /subscriptions/a, kind: Managed}}":  "not CSI",
	"photon: {photonPersistentDisk: {pdID: a}}":                                        "not CSI",
	"portworx: {portworxVolume: {volumeID: a}}":                                        "not CSI",
	"scaleio: {scaleIO: {gateway: a, system: b, volumeName: c, secretRef: {name: d}}}": "not CSI",
	"storageos: {storageos: {volumeName: a}}":                                          "not CSI",
	"inline: {csi: {driver: disk.example}}":                                            "ephemeral",
	"secret: {secret: {secretName: a}}":                                                "",
	"config: {configMap: {name: a}}":                                                   "",
	"downward: {downwardAPI: {items: []}}":                                             "",
	"projected: {projected: {sources: [{configMap: {name: a}}]}}":                      "",
	"image: {image: {reference: none.example/none}}":                                   "",
	"data: {persistentVolumeClaim: {claimName: data-0}}":                               "",
	"gone: {persistentVolumeClaim: {claimName: not-there}}":                            "unbound",
}

func (s *scene) pods() {
	s.Helper()
	for n := range 5 {
		namespace := fmt.Sprintf("app-%d", n)
		var all []string
		for kind, reason := range kinds {
			all = append(all, kind)
			if name, _, _ := strings.Cut(kind, ": "); reason != "" {
				s.want[namespace+"/every/"+name] = reason
			}
		}
		slices.Sort(all)
		s.pod(namespace, "every", all...)
		s.pod(namespace, "db", "data: {persistentVolumeClaim: {claimName: data-0}}",
			"more: {persistentVolumeClaim: {claimName: data-1}}", "tmp: {emptyDir: {}}")
		s.want[namespace+"/db/tmp"] = "ephemeral"
		ended := s.pod(namespace, "ended", "tmp: {emptyDir: {}}", "data: {persistentVolumeClaim: {claimName: data-2}}")
		s.status(ended, `{"phase": "Succeeded"}`)
	}
	s.pod("app-0", "scratch", "work: {ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], "+
		"storageClassName: waits, resources: {requests: {storage: 1Gi}}}}}}")
	s.want["app-0/scratch-work"] = "unbound"
	s.until(func() (bool, error) { // its controller makes the claim
		_, err := s.client.Resource(resources["PersistentVolumeClaim"]).Namespace("app-0").
			Get(s.ctx, "scratch-work", metav1.GetOptions{})
		return err == nil, nil
	})
}

func (s *scene) addsUp() {
	cluster, made := s.as("")
	plan, err := cluster.Plan(s.ctx, volsnap.Selection{}, volsnap.PlanOptions{})
	must(s, err)
	s.expect(plan)
	count := map[string]int{}
	for _, v := range plan.Volumes {
		switch {
		case v.Reason == "":
			count["taken"]++
		case v.Claim != "":
			count["claims"]++
		default:
			count["pods"]++
		}
	}
	// One more claim is that of the generic ephemeral volume.
	if count["taken"] != 180 || count["claims"] != 21 || count["pods"] != len(plan.Volumes)-201 {
		s.Errorf("of %d volumes there are %v, want 180 taken and 21 claims that are not", len(plan.Volumes), count)
	}
	if len(plan.Missing) != 0 {
		s.Errorf("with all rights are missing %v", plan.Missing)
	}
	s.detailed(plan)
	// Whatever a plan asks, it writes nothing; and its requests do not grow with the number of volumes.
	for _, call := range made.all {
		if !strings.HasPrefix(call, "GET ") && call != "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews" {
			s.Errorf("a plan makes the request %s", call)
		}
	}
	if len(made.all) > 30 {
		s.Errorf("a plan of %d volumes makes %d requests:\n%s", len(plan.Volumes), len(made.all), strings.Join(made.all, "\n"))
	}
	s.Logf("a plan of %d volumes makes %d requests", len(plan.Volumes), len(made.all))
}

// detailed looks at all that is known of some volumes.
func (s *scene) detailed(plan *volsnap.Plan) {
	s.Helper()
	find := func(claim string) volsnap.Volume {
		i := slices.IndexFunc(plan.Volumes, func(v volsnap.Volume) bool { return v.Namespace == "app-2" && v.Claim == claim })
		if i < 0 {
			s.Fatalf("app-2/%s is not planned", claim)
		}
		return plan.Volumes[i]
	}
	v := find("data-0")
	want := volsnap.Volume{
		Namespace: "app-2", Claim: "data-0", PV: "app-2-data-0", Source: "csi", Driver: "share.example", Handle: "app-2-data-0",
		Class: "share-only", Mode: "Filesystem", Size: 3 << 30, AccessModes: []string{"ReadWriteOnce"}, FSType: "ext4",
		Labels: map[string]string{"tier": "t0"}, Pods: []string{"db", "every"},
	}
	if !reflect.DeepEqual(v, want) {
		s.Errorf("app-2/data-0 is %+v, want %+v", v, want)
	}
	if v := find("data-8"); v.Mode != "Block" || len(v.Pods) != 0 {
		s.Errorf("app-2/data-8 is %+v", v)
	}
	if v := find("data-2"); len(v.Pods) != 0 {
		s.Errorf("app-2/data-2, which a pod mounted that has ended, is %+v", v)
	}
	if v := find("px"); v.Source != "portworxVolume" || v.Driver != "pxd.portworx.com" || !strings.Contains(v.Detail, "Portworx") {
		s.Errorf("app-2/px is %+v", v)
	}
}

func (s *scene) selections() {
	s.expect(s.plan(volsnap.Selection{Namespaces: []string{"app-1", "app-3", "app-1"}}, volsnap.PlanOptions{}), "app-1", "app-3")

	plan := s.plan(volsnap.Selection{Labels: "tier=t0", Namespaces: []string{"app-1"}}, volsnap.PlanOptions{})
	claims, pods := 0, 0
	for _, v := range plan.Volumes {
		if v.Claim != "" && v.Labels["tier"] == "t0" && v.Namespace == "app-1" {
			claims++
		} else if strings.HasPrefix(v.PodVolume, "every/") || v.PodVolume == "db/tmp" {
			pods++ // both pods mount data-0
		}
	}
	if claims != 9 || claims+pods != len(plan.Volumes) || pods < 20 {
		s.Errorf("by label are selected %d claims, %d volumes of their pods, %d in all", claims, pods, len(plan.Volumes))
	}

	plan = s.plan(volsnap.Selection{Claims: []string{"app-2/data-1", "app-0/host", "app-2/data-1"}}, volsnap.PlanOptions{})
	want := map[string]string{"app-0/host": "hostPath", "app-2/data-1": "disk-default", "app-2/db/tmp": "ephemeral"}
	if got := got(plan); fmt.Sprint(got) != fmt.Sprint(want) {
		s.Errorf("by name are planned %v, want %v", got, want)
	}

	cluster, _ := s.as("")
	for name, selection := range map[string]volsnap.Selection{
		"a claim that is not there":     {Claims: []string{"app-0/data-1", "app-0/nothing"}},
		"a namespace that is not there": {Namespaces: []string{"app-0", "nowhere"}},
	} {
		if _, err := cluster.Plan(s.ctx, selection, volsnap.PlanOptions{}); !apierrors.IsNotFound(err) {
			s.Errorf("%s: the error is %v", name, err)
		}
	}
	if _, err := cluster.Plan(s.ctx, volsnap.Selection{Labels: "a in b"}, volsnap.PlanOptions{}); !apierrors.IsBadRequest(err) {
		s.Errorf("no selector: the error is %v", err)
	}
	if plan := s.plan(volsnap.Selection{Namespaces: []string{"kube-node-lease"}}, volsnap.PlanOptions{}); len(plan.Volumes) != 0 {
		s.Errorf("in an empty namespace are planned %v", got(plan))
	}
	options := volsnap.PlanOptions{Class: map[string]string{"disk.example": "disk-other"}}
	if v := s.plan(volsnap.Selection{Claims: []string{"app-0/data-1"}}, options).Volumes[0]; v.Class != "disk-other" {
		s.Errorf("with a class by option, the volume is %+v", v)
	}
	options.Class["dsik.example"] = "disk-other"
	one := volsnap.Selection{Claims: []string{"app-0/data-1"}}
	if _, err := cluster.Plan(s.ctx, one, options); err == nil || !strings.Contains(err.Error(), `"dsik.example"`) {
		s.Errorf("with a class for a driver with a slip, the error is %v", err)
	}
	// One plan's options may be for many clusters' drivers, and a claim's own driver may have no class yet.
	options.Class = map[string]string{"share.example": "share-only"}
	if v := s.plan(one, options).Volumes[0]; v.Class != "disk-default" {
		s.Errorf("with a class for another driver, the volume is %+v", v)
	}
	options.Class = map[string]string{"other.example": "nowhere"}
	unknown := volsnap.Selection{Claims: []string{"app-3/unknown"}}
	if v := s.plan(unknown, options).Volumes[0]; v.Reason != volsnap.ReasonClassMissing {
		s.Errorf("with a class that is not there, the volume is %+v", v)
	}
}

func (s *scene) migrated() {
	translate := func(pv *corev1.PersistentVolume) (string, string, error) {
		if ebs := pv.Spec.AWSElasticBlockStore; ebs != nil {
			return "disk.example", ebs.VolumeID, nil
		}
		return "", "", errors.New("not translated")
	}
	selection := volsnap.Selection{Claims: []string{"app-1/ebs", "app-2/pd", "app-1/lun"}}
	plan := s.plan(selection, volsnap.PlanOptions{Migrated: translate})
	want := map[string]string{"app-1/ebs": "disk-default", "app-2/pd": "migrated", "app-1/lun": "not CSI"}
	if got := got(plan); fmt.Sprint(got) != fmt.Sprint(want) {
		s.Errorf("planned are %v, want %v", got, want)
	}
	s.grant("translator", "", mayRead+mayTake+mayGroups+mayVolumes+mayClasses+mayContents)
	cluster, _ := s.as("translator")
	selection.Claims = append(selection.Claims, "app-1/data-1")
	poor, err := cluster.Plan(s.ctx, selection, volsnap.PlanOptions{Migrated: translate})
	must(s, err)
	if v := poor.Volumes[1]; v.Claim != "ebs" || v.Reason != volsnap.ReasonForbidden || v.Class != "" || !v.Migrated {
		s.Errorf("without a right to make contents, the migrated volume is %+v", v)
	}
	if v := poor.Volumes[0]; v.Claim != "data-1" || v.Class != "disk-default" {
		s.Errorf("without a right to make contents, another volume is %+v", v)
	}
	if v := plan.Volumes[0]; !v.Migrated || v.Handle != "vol-1" || v.Driver != "disk.example" {
		s.Errorf("the migrated volume is %+v", v)
	}
}
