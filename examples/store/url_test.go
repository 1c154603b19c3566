package store

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestDirectory(t *testing.T) {
	for url, want := range map[string]string{
		"file:///a/b/": "/a/b/", "file:///a/s.clustersnap": "/a/", "file://./../b": "../b", "file://./": ".", "file://.": ".",
		"file://./s.clustersnap": ".", "s3://b/f/": "",
	} {
		if l, err := parse(url); err != nil || l.dir != want {
			t.Errorf("%s: %q, %v, want %q", url, l.dir, err, want)
		}
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ url, bucket, prefix, set, again string }{
		{"file:///a/b/", "file:///a/b/?metadata=skip&no_tmp_dir=1", "", "", "file:///a/b/x"},
		{"file:///a/b", "file:///a/b?metadata=skip&no_tmp_dir=1", "", "", "file:///a/b/x"},
		{"file://./../b", "file://./../b?metadata=skip&no_tmp_dir=1", "", "", "file://./../b/x"},
		{"file:///a/s.clustersnap", "file:///a/?metadata=skip&no_tmp_dir=1", "", "s.clustersnap", "file:///a/x"},
		{"s3://b", "s3://b?response_checksum_validation=when_required", "", "", "s3://b/x"},
		{"s3://b/f/g/", "s3://b?response_checksum_validation=when_required", "f/g/", "", "s3://b/f/g/x"},
		{"s3://b/f/s.clustersnap", "s3://b?response_checksum_validation=when_required", "f/", "s.clustersnap", "s3://b/f/x"},
		{
			"s3://b/f?region=r&object_lock=governance&retain_days=3&storage_class=C",
			"s3://b?region=r&response_checksum_validation=when_required", "f/", "",
			"s3://b/f/x?region=r&object_lock=governance&retain_days=3&storage_class=C",
		},
	} {
		l, err := parse(c.url)
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		if l.bucket != c.bucket || l.prefix != c.prefix || l.set != c.set || l.of("x") != c.again {
			t.Errorf("%s: %q %q %q %q", c.url, l.bucket, l.prefix, l.set, l.of("x"))
		}
	}
	l, err := parse("s3://b/?object_lock=governance&retain_days=3&storage_class=C")
	if want := (serverSide{"GOVERNANCE", 72 * time.Hour, "C"}); err != nil || l.server != want {
		t.Errorf("%+v, %v", l.server, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for url, says := range map[string]string{
		"s3://key:hush@b/f":      "no user or password",
		"s3://key@b/f":           "no user or password",
		"ftp://b/f":              "no driver",
		"s3://%zz":               "no URL",
		"s3:///f":                "names no bucket",
		"s3://b/../f":            "has a part",
		"s3://b/a//f":            "has a part",
		"s3://b/a b.clustersnap": "no name of a set",
		"s3://b/.clustersnap":    "no name of a set",
		"file://a/b/":            "names a host",
		"s3://b/?object_lock=always&retain_days=1":            "compliance or governance",
		"s3://b/?object_lock=governance":                      "go together",
		"s3://b/?retain_days=3":                               "go together",
		"s3://b/?object_lock=governance&retain_days=0":        "number of days",
		"file:///b/?storage_class=C":                          "for s3 only",
		"s3://b/?secret_access_key=hush":                      `no parameter "secret_access_key"`,
		"file:///b/?secret_key_path=hush":                     `no parameter "secret_key_path"`,
		"s3://b/?endpoint=http://u:hush@h/":                   "no user or password",
		"s3://b/?endpoint=http://h&endpoint=http://u:hush@h/": "no user or password",
		"s3://b/?endpoint=hush:80":                            "no URL",
		"s3://b/?endpoint=http://hush%25zz":                   "no URL",
		"s3://b/f%23er/../x":                                  "has a part",
		"s3://b/f#er/":                                        "it has a #",
		"s3://b/a../":                                         "has a part",
		"s3://b/a%0ab/":                                       "has a part",
		"s3://b/__0x2f__/":                                    "has a part",
		"s3://b/__0x41__.clustersnap":                         "no name of a set",
	} {
		_, err := parse(url)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want it to say %q", url, err, says)
		}
		if err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: the error shows the password", url)
		}
	}
}

func TestName(t *testing.T) {
	at := time.Date(2026, 11, 27, 2, 3, 4, 5, time.FixedZone("", 3600))
	random := regexp.MustCompile("-[a-z2-7]{8}.clustersnap$")
	for want, of := range map[string][2]string{
		"cp1-20261127T010304Z-prod":                          {"prod", "cp1"},
		"a_b-20261127T010304Z-p_":                            {"p/", "a b"},
		"x-20261127T010304Z-":                                {"..", "..x"},
		strings.Repeat("n", 63) + "-20261127T010304Z-" + "c": {"c", strings.Repeat("n", 99)},
		"__-20261127T010304Z-c":                              {"c", "\x1bé"},
	} {
		got, again := Name(of[0], of[1], at), Name(of[0], of[1], at)
		if random.ReplaceAllString(got, "") != want || checkName(got) != nil {
			t.Errorf("%q: %q, %v", of, got, checkName(got))
		}
		if got == again {
			t.Errorf("two sets of one second are both %s", got)
		}
		if later := Name(of[0], of[1], at.Add(time.Second)); later <= got || later <= again {
			t.Errorf("%s is not behind %s", later, got)
		}
	}
}
