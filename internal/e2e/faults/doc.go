// Package faults makes what real parts won't do on demand: a connection that stalls, breaks or lies, a disk that is
// full, a process that dies at a given moment.
//
//	proxy := faults.NewProxy(t, "127.0.0.1:2379", faults.ProxyOptions{})
//	stalled := proxy.StallAfter(1 << 20)
//	backup := faults.Start(t, exec.Command("clustersnap", "backup", "--endpoint", "https://"+proxy.Addr()))
//	backup.Await(stalled)
//	backup.End(syscall.SIGKILL)
//
// All of it belongs to the test that made it, and ends with it. A fault that strikes says so on a channel, so that a
// test waits for the event and not for a time.
//
// It makes no faults of time: the library is handed its clock.
package faults
