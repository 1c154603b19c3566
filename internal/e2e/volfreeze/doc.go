// Package volfreeze has pods quiesced for real: commands through pods/exec of a real kube-apiserver, and file systems that are
// frozen while a process writes to them, cut, and checked.
//
// Nothing that it freezes stays frozen: each file system is a loop-mounted image that the driver of package csibed has made,
// and a process that the driver has started beside the test thaws all of them when the test ends, however that comes about.
package volfreeze
