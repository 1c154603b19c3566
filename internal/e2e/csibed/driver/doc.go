// Package driver is a CSI driver for tests: a volume is a folder of this machine, or an image file with ext4 in it, and
// a snapshot is a copy. It serves a Unix socket in the test's own process, so that the test can look at its files and
// change its temper while the stock sidecars talk to it.
//
//	d := driver.Start(t, driver.Options{Name: "dir.csi.test"})
//	d.Set(driver.Temper{ReadyAfter: 5 * time.Second})
//
// It has the controller and the group controller service, and of the node service what the sanity suite asks of every
// driver: who mounts here is the stand-in kubelet of package csibed. It keeps nothing across a restart.
package driver
