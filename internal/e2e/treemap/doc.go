// Package treemap tests what clustersnap says of what fills an etcd: against a real cluster, and its page in a real browser.
package treemap
