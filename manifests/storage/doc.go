// Package storage reads what kube-apiserver keeps in etcd: which object a key is of, and the object itself, without a
// cluster.
//
//	decoder, err := storage.NewDecoder(storage.Options{})
//	if err != nil {
//		return err
//	}
//	defer decoder.Close()
//	var damaged error // definitions, which Dump reports as failed
//	for kv, err := range view.Below(ctx, storage.DefinitionPrefix("")) {
//		if err != nil {
//			return err
//		}
//		damaged = errors.Join(damaged, decoder.Learn(kv))
//	}
//	report, err := decoder.Dump(ctx, view.Keys(ctx), at, receiver, storage.Selection{})
//
// Keys come as [iter.Seq2] of *mvccpb.KeyValue, as a View of package etcdsnap yields those of a snapshot, and as a client of
// etcd has them. [Decoder.Dump] hands all objects to a receiver, such as package tree, and reports as a dump of the live
// cluster does. [Decoder.Object] gives one. [Locate] and [ReadMeta] need no more than one key and one value; they know
// every kind, also those that no API server has any more.
//
// # Objects
//
// [Decoder.Object] gives an object in the canonical form of package manifests, so that it can be held against a live one
// and applied. It is at the version that it is stored at, which is often, but not always, the one that the server
// prefers. Two kinds are brought to the version that servers show, since their stored version is one that none serves, or
// that belongs to another group: definitions of custom resources (v1beta1 to v1), and events (v1 to events.k8s.io/v1).
//
// Kubernetes' own kinds are decoded with the types of k8s.io/api that this program is built with. A field that those
// don't know would be lost without a word, so it is looked for, and the object comes with a [LossyError] instead. A kind
// that they don't know is [ErrUnknownType]: its metadata is still read, and [Decoder.Value] has its bytes.
//
// # Differences
//
// [Decoder.Versions] and [Decoder.Hashes] make a side of package manifests/diff: a snapshot, also as it was at an older
// revision, against another one, a tree or the live cluster. What etcd still has of one object is told by package history
// below this one.
//
// # What it does not do
//
// It applies no defaults, as API servers do to what was stored before there was a field, converts no versions otherwise, and
// asks no KMS. It opens no snapshot: see package etcdsnap.
//
// # Rights
//
// None: it talks to nobody. But whoever has a snapshot of etcd and the EncryptionConfiguration has every Secret.
package storage
