// Package bolt reads databases of go.etcd.io/bbolt that nobody vouches for: from a stream or by pread, never from
// mapped memory, and with every length held against the bytes that are there before it is followed. What bbolt
// itself makes of a wrong length is a fault that no recover can catch.
//
// A database is a file of pages. The first two are meta pages, of which the valid one with the higher transaction
// id counts: it names the page of the root bucket. A bucket is a B+tree of branch and leaf pages; the
// values in the root bucket's leaves are buckets again, each the page of its own root or, when small, an inline leaf
// page. A page that does not suffice goes on in those right behind it, its overflow. Pages that no tree reaches are free
// and hold whatever they held last. A file can have a list of them, which is believed when it is opened for writing.
//
// The layout is that of bbolt's internal/common/page.go, meta.go and bucket.go, on little-endian machines.
package bolt

import "errors"

// ErrCorrupt says that the bytes are not those of a sound database.
var ErrCorrupt = errors.New("database is damaged")
