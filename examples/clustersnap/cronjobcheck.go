package main

import (
	"errors"
	"strings"

	"github.com/clustersnap/clustersnap/examples/store"
)

// check looks at what can be known before the node is read.
func (s schedule) check() error {
	switch {
	case s.image == "":
		return errors.New("no image: give --image IMAGE, one with clustersnap in its PATH")
	case s.once && s.at != "":
		return errors.New("a job runs once: give --schedule or --job")
	case !s.once && s.at == "":
		return errors.New("no schedule: give --schedule '17 * * * *', or --job for one run")
	case s.places() != 1:
		return errors.New("give one place for backups: --host-path DIR of the node, --claim NAME, or --to URL")
	case s.secret != "" && !strings.HasPrefix(s.url, "s3://"):
		return errors.New("--secret is for the URL of an S3 store: leave it out")
	case s.url == "":
		return nil
	case !store.IsURL(s.url) || strings.HasPrefix(s.url, "file:"):
		return errors.New("--to is for the URL of an object store: give --host-path DIR for a directory of the node")
	case strings.HasSuffix(strings.SplitN(s.url, "?", 2)[0], store.Extension):
		return errors.New("--to names a set, and each run makes another one: give the URL of a folder")
	}
	return store.Check(s.url)
}

// places counts where the backups are to go.
func (s schedule) places() (n int) {
	for _, place := range []string{s.opts.HostPath, s.opts.Claim, s.url} {
		if place != "" {
			n++
		}
	}
	return n
}
