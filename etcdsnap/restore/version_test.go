package restore

import (
	"errors"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/etcdsnap"
)

func TestCheckVersion(t *testing.T) {
	v34, v35 := etcdsnap.Content{}, etcdsnap.Content{Term: 3}
	v36, v37, v40 := etcdsnap.Content{StorageVersion: "3.6.0"}, etcdsnap.Content{StorageVersion: "3.7.0"}, etcdsnap.Content{StorageVersion: "4.0.0"}
	for name, c := range map[string]struct {
		made    etcdsnap.Content
		etcd    string
		upgrade string
		refused string // what the error says
	}{
		"nothing asked":           {made: v37},
		"same minor":              {made: v36, etcd: "3.6.16"},
		"as a tag":                {made: v36, etcd: "v3.6"},
		"3.5 states nothing":      {made: v35, etcd: "3.5.9"},
		"upgrade":                 {made: v36, etcd: "3.7.3", upgrade: "3.6 to 3.7"},
		"upgrade from 3.5":        {made: v35, etcd: "3.6.0", upgrade: "3.5 to 3.6"},
		"upgrade from 3.4":        {made: v34, etcd: "3.5.0", upgrade: "3.4 to 3.5"},
		"two upgrades":            {made: v35, etcd: "3.7.0", refused: "start etcd 3.6 from it first"},
		"older etcd":              {made: v37, etcd: "3.6.1", refused: "etcdutl migrate --data-dir DIR --target-version 3.6"},
		"another major":           {made: v40, etcd: "3.7.0", refused: "4.0"},
		"no version":              {made: v37, etcd: "latest", refused: "MAJOR.MINOR"},
		"half a version":          {made: v37, etcd: "3", refused: "MAJOR.MINOR"},
		"state what no etcd does": {made: etcdsnap.Content{StorageVersion: "x"}, etcd: "3.7.0", refused: "can't be read"},
	} {
		upgrade, err := checkVersion(&c.made, c.etcd)
		if upgrade != c.upgrade || (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s: got %q and %v, want %q and %q", name, upgrade, err, c.upgrade, c.refused)
		}
	}
	if _, err := checkVersion(&v37, "3.6"); !errors.Is(err, ErrVersion) {
		t.Errorf("got %v, want ErrVersion", err)
	}
}
