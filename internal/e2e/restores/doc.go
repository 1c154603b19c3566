// Package restores holds what etcdsnap/restore makes against stock etcd.
package restores
