// Package spec is what a test tells the first process of a node about the machine that it is to be.
package spec

// Machine is a node.
type Machine struct {
	Name string
	// Dir is a folder of the test machine: Dir/root has what outlives a power cut, the rest is the first process's own.
	Dir string
	// Kept are the folders of the node that are in Dir/root, such as "etc".
	Kept []string
	// Programs are what the node has in /usr/local/bin, by name, and where they are on the test machine.
	Programs map[string]string
	// Groups are the control group hierarchies.
	Groups []Hierarchy
	// Network are the lines for ip -batch that the node's network is set up by. Its link to the others is eth0.
	Network []string
}

// Hierarchy is a control group hierarchy of version 1.
type Hierarchy struct {
	Name    string // of the folder in /sys/fs/cgroup
	Options string // of its mount
}

// Ready is the line that the first process prints once containerd answers.
const Ready = "ready"
