// Package store keeps backup sets in a folder of an object store or of a disk, which a URL names: what "clustersnap backup --to
// URL" writes, and "verify", "list" and "prune" read.
//
//	s, err := store.Open(ctx, "s3://bucket/folder/?region=eu-central-1", store.Options{})
//	if err != nil {
//		return err
//	}
//	defer s.Close()
//	set, err := s.Create(ctx, store.Name(cluster, node, now), now)
//	if err != nil {
//		return err
//	}
//	defer set.Close() // takes away what was not committed
//	// write an encrypted set
//	receipt, err := set.Commit(ctx, about, store.Verified)
//
// A set NAME.clustersnap counts once NAME.clustersnap.receipt.json is there: a small object without secrets, written last,
// with time, cluster, revision, size and SHA-256. Whoever dies before leaves a set without a receipt or the parts of a
// multipart upload, which List finds and Sweep takes away. Deleting goes the other way round. A set without a receipt may
// also be a whole backup that was written as a file, or a copy: copy the receipt first. Name gives each set a name of its
// own. Two uploaders must not be given one name at once: where a server ignores If-None-Match, or the folder is one of
// several machines, the later one can replace the other's set before its receipt is there. Neither is told as good then,
// unless it is there as its receipt says.
//
// It encrypts nothing: wrap an Upload in filippo.io/age. What is uploaded is held in memory part by part, some 50 MiB, and on
// no disk.
//
// URLs are those of gocloud.dev/blob. Of the drivers file and s3 are built in, and gs and azblob by a build tag of their name,
// as four are twice as many packages. It adds for s3 the parameters object_lock, retain_days and storage_class. Credentials are
// found by the driver, and refused in a URL. Requests are tried again as the driver's library does it, three times in all for
// S3, and a server that moves no byte for five minutes is given up. A disk is not: where a mount hangs, so does the command.
//
// On S3 it needs s3:GetObject, s3:PutObject, s3:ListBucket and s3:AbortMultipartUpload, all for the folder alone if you like,
// for list and prune s3:ListBucketMultipartUploads, and for prune s3:DeleteObject; a backup whose set can't be read back
// removes it, if it may. Object lock wants s3:PutObjectRetention, and ssetype=aws:kms kms:GenerateDataKey and kms:Decrypt.
// MinIO lists no parts of uploads (minio/minio#20989), and clears them by itself after 24 hours.
//
// It does not rotate what a bucket keeps of deleted objects, sees no lock but the one that it has asked for, and trusts the
// receipts that it reads as far as listing and deleting go: who may write to the folder can have sets deleted. What is in a set
// is trusted by its age encryption alone.
package store
