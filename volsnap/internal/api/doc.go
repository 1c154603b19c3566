// Package api has what volsnap reads and writes of the snapshot APIs, in small types of its own, and the way to them over
// client-go's dynamic client. The official typed client would lift whoever imports volsnap to the newest client-go. A test of
// the bed holds these types against the official ones.
package api
