package volsnap

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// migrated are the in-tree plugins that CSI drivers serve: see k8s.io/csi-translation-lib, plugins.
var migrated = map[string]string{
	"awsElasticBlockStore": "ebs.csi.aws.com",
	"azureDisk":            "disk.csi.azure.com",
	"azureFile":            "file.csi.azure.com",
	"cinder":               "cinder.csi.openstack.org",
	"gcePersistentDisk":    "pd.csi.storage.gke.io",
	"portworxVolume":       "pxd.portworx.com",
	"vsphereVolume":        "csi.vsphere.vmware.com",
}

// source says what plugin a PersistentVolume is of, and why that makes a snapshot impossible.
func (p *planner) source(v *Volume, pv *corev1.PersistentVolume) {
	v.Source = fieldOf(pv.Spec.PersistentVolumeSource)
	if csi := pv.Spec.CSI; csi != nil {
		v.Driver, v.Handle, v.FSType = csi.Driver, csi.VolumeHandle, csi.FSType
		return
	}
	if v.Driver = cmp.Or(pv.Annotations[api.MigratedTo], migrated[v.Source]); v.Driver == "" {
		v.Reason, v.Detail = outside(v.Source)
		return
	}
	v.Migrated = true
	if p.opts.Migrated == nil {
		v.Reason = ReasonMigrated
		v.Detail = fmt.Sprintf("the controllers take no snapshot of %s, though driver %s serves it: see PlanOptions.Migrated; or %s",
			v.Source, v.Driver, ownWay(v.Source))
		return
	}
	driver, handle, err := p.opts.Migrated(pv.DeepCopy())
	if err == nil && (driver == "" || handle == "") {
		err = errors.New("PlanOptions.Migrated gives no name")
	}
	if err != nil {
		v.Reason, v.Detail = ReasonMigrated, fmt.Sprintf("driver %s has a name for it that is not known: %v", v.Driver, err)
		return
	}
	v.Driver, v.Handle = driver, handle
}

// fieldOf is the name of the one field that is set in the source of a volume, "" for a plugin that is not known here.
func fieldOf(source any) string {
	text, err := json.Marshal(source)
	if err != nil {
		return ""
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(text, &fields) != nil || len(fields) != 1 {
		return ""
	}
	for name := range fields {
		return name
	}
	return ""
}

// outside is why a volume of a plugin that is no CSI driver can't be snapshotted by the cluster.
func outside(source string) (Reason, string) {
	switch source {
	case "hostPath":
		return ReasonHostPath, "a directory of a node: back up the node, or move the data to a claim of a CSI driver"
	case "local":
		return ReasonLocal, "a disk of a node: snapshot it there (LVM, ZFS), or move the data to a claim of a CSI driver"
	case "nfs":
		return ReasonNFS, "a directory of a file server: " + ownWay(source)
	case "":
		return ReasonNotCSI, "a volume of a kind that is not known here: look at its PersistentVolume or pod"
	}
	return ReasonNotCSI, fmt.Sprintf("a volume of %s, which is no CSI driver: %s", source, ownWay(source))
}

// ownWay says how a storage that the cluster can't ask for a snapshot may make one.
func ownWay(source string) string {
	switch source {
	case "portworxVolume":
		return "let Portworx take it, by annotation px/snapshot-source-pvc or by Stork, in a function in TakeOptions.Own"
	case "iscsi", "fc":
		return "let the SAN behind it take one, in a function in TakeOptions.Own"
	case "awsElasticBlockStore", "azureDisk", "azureFile", "cinder", "gcePersistentDisk", "vsphereVolume":
		return "let the cloud take one, in a function in TakeOptions.Own"
	}
	return "let its storage take one, in a function in TakeOptions.Own"
}
