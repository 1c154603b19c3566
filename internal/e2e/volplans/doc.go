// Package volplans holds what volsnap plans against a real API server: claims and pods of every kind, accounts with few rights,
// and clusters that serve some of the snapshot APIs. A plan needs no driver, so none runs here.
package volplans
