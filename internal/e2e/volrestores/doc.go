// Package volrestores restores volumes from snapshots with the stock controllers and a driver of folders: beside, in place and
// in drills, in another namespace and in another cluster, and looks at the files.
package volrestores
