package etcdsnap

// VerifyBytes is Verify of what is at hand, without goroutines and large buffers, for tests that call it for each byte. No more
// is kept of a tree than limit says, if it is not 0.
func VerifyBytes(b []byte, opts VerifyOptions, limit int) (Info, error) {
	v := newVerifier(opts.Prefix, limit)
	if err := writeAll(v.sinks(), b); err != nil {
		return Info{}, err
	}
	info, _, err := v.finish(opts.NoDigest)
	return info, err
}
