// Package corpus holds objects of nearly every kind that an API server has, and puts them into a cluster: the shapes in
// which objects differ, and the text and the names that writers of YAML and of files get wrong.
//
//	made, err := corpus.Load(ctx, node.RESTConfig(t))
//
// The objects are the files in the folder objects. [Load] creates them, does to some what a kubelet or a user would do
// next, and waits until the controllers have done their part. [Create] and [Settle] do that for objects from elsewhere,
// such as a dump of the corpus.
//
// With [Load] the cluster has, beside what controllers make of it:
//
//   - an APIService with nobody behind it, so that discovery is never whole (dead.corpus.example.com/v1);
//   - an object whose definition serves no version, so that only etcd has it (secrecies.corpus.example.com);
//   - objects that are being deleted, as their finalizers stay;
//   - a Job that is complete, and a Pod that has succeeded.
//
// It needs a cluster as package bed starts them: with kube-controller-manager, and without nodes.
package corpus
