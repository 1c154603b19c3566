// Package wal reads of an etcd member's write-ahead log whose it is and where it ends. It does so
// without etcd's own packages, which would bring the server along and which trust what they read. Nothing is
// mapped or written, and the member may be running meanwhile.
//
// A log is a directory of segments, SEQUENCE-INDEX.wal, numbered without gaps. A segment is a file of frames: eight
// bytes of length word, little-endian, then a record, and padding to a multiple of eight. The lower 56 bits of the
// word are the length of the record; if the top bit is set, the three lowest of its byte are the number of bytes
// of padding. A record is a protobuf message of a kind, a checksum and data. The checksum is a CRC-32 (Castagnoli) of
// all data up to and including its own, on and on through the segments: each begins with a record that holds
// the checksum so far, and one that says whose log it is.
//
// Segments are made at their full size, of zeros: a length word of zero is where the written part ends.
//
// The format is that of server/storage/wal in etcd 3.5 to 3.7.
package wal

import "errors"

// ErrCorrupt says that the files are not a sound log.
var ErrCorrupt = errors.New("write-ahead log is damaged")
