// Package histories holds what a snapshot of etcd tells of objects against what a real cluster was seen to do: the history of
// one object against a watch and the answers of the API server, and the differences between snapshots, live objects and trees
// against the writes that were made in between. It runs the commands that show them, too.
package histories
