// Package snapshots holds etcdsnap against real etcd servers, their own tools, and what goes wrong between them.
package snapshots
