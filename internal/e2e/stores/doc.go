// Package stores holds "clustersnap backup --to URL", verify, list and prune against a real S3 server, which dies, loses
// answers and is left by uploaders that are killed at any of their requests, and against a disk that loses its power.
package stores
