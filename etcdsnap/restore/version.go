package restore

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/clustersnap/clustersnap/etcdsnap"
)

// ErrVersion says that a version of etcd can't read what a snapshot holds.
var ErrVersion = errors.New("the versions of etcd do not fit")

// checkVersion holds what made a snapshot against the etcd that is to start from it: the same minor version is good, and so is
// the next one, which is an upgrade (etcd-io/etcd#13070; server/storage/schema/migration.go).
func checkVersion(c *etcdsnap.Content, etcd string) (upgrade string, err error) {
	if etcd == "" {
		return "", nil
	}
	target, err := parseVersion(etcd)
	if err != nil {
		return "", fmt.Errorf("etcd version %q: %w", etcd, err)
	}
	made, err := madeBy(c)
	if err != nil {
		return "", fmt.Errorf("the snapshot states a version of data that can't be read: %w", err)
	}
	from, to := made.String(), target.String()
	switch {
	case made.Major != target.Major:
		return "", fmt.Errorf("%w: the snapshot is of etcd %s, and etcd %s can't start from that", ErrVersion, from, to)
	case made.Minor == target.Minor:
		return "", nil
	case made.Minor+1 == target.Minor:
		return from + " to " + to, nil
	case made.Minor < target.Minor:
		return "", fmt.Errorf("%w: the snapshot is of etcd %s, and from there to %s is more than one upgrade: start etcd %d.%d from it first",
			ErrVersion, from, to, made.Major, made.Minor+1)
	default:
		return "", fmt.Errorf("%w: the snapshot is of etcd %s, which %s can't read: restore it for %s, and then run \"etcdutl migrate --data-dir DIR --target-version %s\"",
			ErrVersion, from, to, from, to)
	}
}

// madeBy says which minor version the data are of. Etcd states it since 3.6; 3.5 has a term beside the consistent index,
// and 3.4 does not (server/storage/schema/schema.go).
func madeBy(c *etcdsnap.Content) (minorVersion, error) {
	switch {
	case c.StorageVersion != "":
		return parseVersion(c.StorageVersion)
	case c.Term > 0:
		return minorVersion{3, 5}, nil
	default:
		return minorVersion{3, 4}, nil
	}
}

var versionForm = regexp.MustCompile(`^v?(\d{1,9})\.(\d{1,9})(?:\.\d+([-+][0-9A-Za-z.+-]+)?)?$`)

// parseVersion takes "3.6", and "v3.6.5", too. Its error shows nothing of what may come from a snapshot.
func parseVersion(s string) (minorVersion, error) {
	m := versionForm.FindStringSubmatch(s)
	if m == nil {
		return minorVersion{}, errors.New("want MAJOR.MINOR, or with a patch level")
	}
	// The form lets nothing pass that is no number.
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	return minorVersion{major, minor}, nil
}

// minorVersion is what data depend on.
type minorVersion struct{ Major, Minor int }

func (v minorVersion) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }
