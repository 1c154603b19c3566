// Package stored holds what is read from etcd's snapshots against what the API server says, which had both at the same
// revision.
package stored
