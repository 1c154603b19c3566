// Package volcommands runs "clustersnap volumes" as a new user does: with slips of the keyboard, on clusters that lack
// something, and into files that are none.
package volcommands
