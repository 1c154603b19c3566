// Package volprunes prunes real snapshots of a real CSI driver, looks into the driver's folder for what is left, and runs the
// commands for volumes.
package volprunes
