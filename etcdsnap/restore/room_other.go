//go:build !linux && !darwin

package restore

// checkRoom knows nothing here: a full disk shows as an error of the write.
func checkRoom(string, int64) error { return nil }
