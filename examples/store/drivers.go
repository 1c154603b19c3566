package store

// What is built in. Each driver registers the scheme of its URLs with gocloud.dev/blob.
import (
	_ "gocloud.dev/blob/fileblob"
	_ "gocloud.dev/blob/s3blob"
)
