// Package csibed gives tests a real CSI stack on the control plane of package bed: the CRDs of the snapshot API, the
// stock snapshot-controller, for each driver the stock csi-snapshotter and a provisioner, and drivers of the test's own.
//
//	node := bed.ControlPlane(t, bed.Options{})
//	b := csibed.Start(t, node, csibed.Options{})
//	b.Namespace(t, "shop")
//	b.Claims(t, "shop", b.Drivers[0].Name, "data-0", "data-1") // bound, of 1 MiB each
//	err := os.WriteFile(filepath.Join(b.VolumePath(t, "shop", "data-0"), "file"), text, 0o644)
//
// A driver D comes with a StorageClass D, a StorageClass [Waiting](D) whose volumes wait for their first consumer, a
// VolumeSnapshotClass D (policy Delete, no default), a VolumeGroupSnapshotClass D and a CSIDriver D. A test can stop the
// controllers and start them again, change a driver's [driver.Temper], and look at its files. The provisioner is the
// library under the stock external-provisioner with its checks of a snapshot as a source, in the test's own process.
//
// Two control planes share a driver by [Start] with [Options.Drivers] on each: [driver.Driver] does not care who calls.
//
// [Bed.Kubelet] stands in for a kubelet: it runs pods as processes of this machine in a mount namespace and a PID namespace
// of their own, with their claims mounted, and answers pods/exec.
//
// The stack needs root and util-linux, and e2fsprogs for drivers with images. All of it ends with the test.
package csibed
