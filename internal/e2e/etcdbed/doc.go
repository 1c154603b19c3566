// Package etcdbed gives tests real etcd clusters, of one member or three, from stock binaries: with TLS on all ports, which are
// of loopback.
//
//	c := etcdbed.Start(t, etcdbed.Options{Etcd: peers.Etcd36, Members: 3})
//	load := c.Load(t, etcdbed.LoadOptions{})
//	load.Await(1000)
//	c.Followers(t)[0].Kill(t)
//
// The members end with the test that started them, and with the test process, also when that is killed.
package etcdbed
