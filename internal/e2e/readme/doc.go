// Package readme runs the commands of README.md, as they stand there, on real clusters. What happens between them, and what
// they have to print, stands in the scripts of testdata, which are run in turn by package testscript with these commands:
//
//	run MACHINE SECTION N       runs the N-th block of a section of README.md, by a shell that ends at the first error
//	on MACHINE COMMAND...       runs a command that is not README's
//	carry MACHINE MACHINE FILE  copies files between the folders in which the machines' commands run
//	sigkill MACHINE PROGRAM...  ends programs of a node with SIGKILL
//	cut MACHINE                 takes the power from a node
//	replace MACHINE             has the name of the API lead to another node
//
// The desk is a fresh clone of the repository on the test machine, with what is not committed of the files that git knows; cp1
// is a node of a kubeadm cluster, cp2 an empty machine beside it, and csi a control plane with a driver of volumes.
//
// Each block is either in a script or marked "notest", and has its reason in a list then. Of those the clustersnap commands are
// held against the command's own flags.
package readme
