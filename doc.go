// Package clustersnap keeps what was saved of a Kubernetes cluster in one file: the backup set.
//
// A set is a sequence of named members, each with a size, a SHA-256 and a description,
// and an index that is written last. It is written to any [io.Writer] in one pass by
// [NewWriter], and read from any [io.ReaderAt] by [Open], which gives an [fs.FS]. What was not
// written to its end is no set: nothing is valid before it is committed.
//
//	file, err := clustersnap.Create("cp1.clustersnap")
//	if err != nil {
//		return err
//	}
//	defer file.Close() // removes the file unless it was committed
//	sealed, err := age.Encrypt(file, recipients...)
//	if err != nil {
//		return err
//	}
//	set := clustersnap.NewWriter(sealed, time.Now())
//	err = set.Add("etcd.snap.zst", &saved, clustersnap.Compressed(fill))
//	if err != nil {
//		return err
//	}
//	if err := set.Close(); err != nil {
//		return err
//	}
//	if err := sealed.Close(); err != nil {
//		return err
//	}
//	return file.Commit()
//
// Each of the last steps may only be taken when the one before it has succeeded. The package's
// example backs up a whole control-plane node, with all rooms.
//
// The set is not encrypted. It holds secrets as soon as etcd is in it, so wrap it in
// filippo.io/age as above: [age.Encrypt] around the destination, age.DecryptReaderAt beneath [Open].
//
// # The rooms
//
// Each room is a package that can be used alone. Rooms do not import each other; they meet in the
// caller's code, in types that everybody has:
//
//   - kubeadm: what a control-plane node says about itself: flags, files, credentials, each with its source.
//   - etcdsnap: etcd snapshots as streams: choose a member, save, verify, read.
//   - etcdsnap/restore: a snapshot turned into a data directory, proved by booting. A module of its own, since
//     it links etcd's server.
//   - pkibundle: the TLS and secret files of a node: collect, seal, open, extract.
//   - pkibundle/check, pkibundle/pair: what is missing or wrong in them, and whether they belong to a snapshot.
//   - pkibundle/reissue: the certificates of another node, from the files that all nodes share.
//   - kubeadm/job: the backup as a CronJob or a Job, rendered from what the node says.
//   - kubeadm/restore: a control-plane node restored by plan and journal, with a way back; kubeadm/rehost: its manifests and
//     configuration for another name and address; kubeadm/aftermath: what is to be looked at in the cluster afterwards.
//   - manifests: every object of a cluster at one instant, in canonical form; manifests/tree: the same as files;
//     manifests/diff: two or three views of the objects held against each other.
//   - manifests/storage: objects as etcd stores them; manifests/storage/proof: whether a dump has all of them;
//     manifests/storage/history: what became of one; manifests/storage/usage: what fills an etcd.
//   - manifests/apply: objects back into a cluster.
//   - volsnap: snapshots of volumes: plan, take, wait, list; volsnap/quiesce: pods at rest meanwhile;
//     volsnap/restore: claims out of snapshots; volsnap/handover: records of them, and other clusters; volsnap/prune: the end
//     of those that a retention lets go.
//   - clustersnap: the backup set, and [Keep], which of what was saved a retention keeps.
//
// # The format, version 1
//
// A set is a zip file of a single form, so that a rescue host needs only age (1.3 for
// post-quantum keys), unzip and zstd:
//
//	age -d -i key.txt cp1.clustersnap > set.zip
//	unzip -p set.zip etcd.snap.zst | zstd -d > etcd.snap
//
// Members are stored, not compressed; a member that compresses is compressed inside, by [Compressed], and
// its name says so. Every entry is zip64 with its sizes after its data, whatever they are. All
// integers are little-endian. Nothing stands before, between or after these parts:
//
//	each member, in the order of writing, then the index as the last one:
//	    local header       30 bytes and the name
//	    content            as stored
//	    descriptor         24 bytes
//	directory:
//	    central header     46 bytes, the name and 28 bytes, for each of them in the same order
//	end:
//	    zip64 end record   56 bytes
//	    zip64 locator      20 bytes
//	    end record         22 bytes and the last line, 92 bytes
//
// Local header:
//
//	offset  size  value
//	     0     4  0x04034b50
//	     4     2  45, the version needed
//	     6     2  0x0808, sizes in the descriptor and names in UTF-8
//	     8     2  0, stored
//	    10     2  creation time of the set as MS-DOS time, UTC
//	    12     2  creation date of the set as MS-DOS date, UTC
//	    14    12  0, for CRC-32 and both sizes
//	    26     2  length of the name
//	    28     2  0, no extra field
//	    30        name
//
// Descriptor:
//
//	 0     4  0x08074b50
//	 4     4  CRC-32 (IEEE) of the content
//	 8     8  size of the content
//	16     8  the same
//
// Central header:
//
//	  0     4  0x02014b50
//	  4     2  0x032d, made by Unix
//	  6     2  45
//	  8     2  0x0808
//	 10     2  0
//	 12     4  time and date, as above
//	 16     4  CRC-32
//	 20     8  0xffffffffffffffff, for both sizes
//	 28     2  length of the name
//	 30     2  28, length of the extra field
//	 32     6  0
//	 38     4  0x81800000, a regular file of mode 0600
//	 42     4  0xffffffff, for the offset
//	 46        name
//	+0      4  0x00180001, a zip64 field of 24 bytes
//	+4      8  size
//	+12     8  size
//	+20     8  offset of the local header
//
// Zip64 end record, locator and end record:
//
//	 0     4  0x06064b50
//	 4     8  44
//	12     4  0x002d032d
//	16     8  0
//	24    16  number of entries, the index included, twice
//	40     8  size of the directory
//	48     8  offset of the directory
//
//	 0     4  0x07064b50
//	 4     4  0
//	 8     8  offset of the zip64 end record
//	16     4  1
//
//	 0     4  0x06054b50
//	 4     4  0
//	 8     4  0xffffffff
//	12     8  0xffffffffffffffff
//	20     2  92
//	22    92  clustersnap set VVVV sha256:DDDD...
//
// VVVV is the format version in four decimal digits, and DDDD the SHA-256 of the index in 64
// lower-case hexadecimal digits. Every version of the format ends in such a line.
//
// The index is the member index.json, at most 4 MiB of JSON:
//
//	version      1
//	created      time, RFC 3339, from 1980 to 2107
//	members      in the order of writing, the index itself left out:
//	    name         see [Writer.Add]
//	    size         in bytes, as stored
//	    crc32        of the stored bytes, a decimal number
//	    sha256       of the stored bytes, 64 lower-case hexadecimal digits
//	    description  any JSON
//
// The index is the truth. A reader takes it from the last entry of the directory, checks the digest in
// the last line, rebuilds all other parts from it and compares them byte for byte; then no byte
// but those of members' contents is unchecked, and these are when they are read. A reader
// refuses other versions, keys that are unknown, missing, there twice or in another case, and
// names that [Writer.Add] would refuse.
package clustersnap
