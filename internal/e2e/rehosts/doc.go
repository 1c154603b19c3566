// Package rehosts has a real control plane come back on a host of another name and address, and has the other members join it
// by the commands that package rehost plans. So does the clustersnap command, in one call.
package rehosts
