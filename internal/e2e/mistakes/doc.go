// Package mistakes makes the mistakes that people make with the command, and holds it to what they are told: the exit code, and
// one sentence, whole. They stand in the scripts of testdata, which package testscript runs with these commands:
//
//	exits CODE ARG...    runs clustersnap
//	nobody CODE ARG...   runs it as somebody without rights
//	onnode CODE ARG...   runs it on the node of a real control plane
//	says 'SENTENCE'      what it has said of its failure, and nothing else
//	cuts FILE            takes away the second half of a file
//	flips FILE           changes a bit in the middle of a file
//
// In a sentence $WORK is the folder of the script, $NODE a control-plane node as package demonode makes it, with an etcd that
// runs, and $SET its backup. $CLUSTER is the node of the real control plane, $CONFS has kubeconfigs of it, and $FOREIGN is the
// backup of another one, which ended. $S3 is the address of a real server with a bucket "sets".
//
// The scripts of testdata/volumes come last: only then has the control plane snapshots of volumes.
//
// Each verb that the command's own help knows fails in some script, and is given a command line that is wrong.
package mistakes
