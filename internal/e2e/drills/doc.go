// Package drills loses the control plane of a real cluster and gets it back, which is the only proof of a backup. A
// [Scene] is a cluster with a workload, a past and a later that a restore must undo; how it is restored is the test's:
//
//	scene := drills.NewScene(t, kubecluster.Start(t, kubecluster.Options{}))
//	backUp(t, scene)
//	scene.Later(t)
//	scene.Disaster(t)
//	restore(t, scene)
//	scene.Works(t)
//	scene.Check(t)
//
// What a restore does when it is killed, when the node loses power, or when the kubelet does not do as it is told, is seen on
// the same node: the command stops at each line of its journal, so that it is killed there and not somewhere behind.
//
// BenchmarkThreeNodes restores one of three nodes and has the others join it by the commands that are printed for them, as they
// are printed.
//
// [ByHand] is the way that manuals describe, to hold others against: BenchmarkRestore says what each of its steps takes,
// and what one command does.
package drills
