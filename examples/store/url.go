package store

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"gocloud.dev/blob"
)

// Extension is how the name of a set ends, and what tells the URL of a set from that of a folder.
const Extension = ".clustersnap"

// IsURL reports whether a destination is a URL, and not the name of a file.
func IsURL(s string) bool { return strings.Contains(s, "://") }

// Check says what is wrong with a URL, as Open does, and looks nowhere.
func Check(rawURL string) error {
	_, err := parse(rawURL)
	return err
}

// location is a URL taken apart.
type location struct {
	url    url.URL
	bucket string // what gocloud.dev/blob opens
	prefix string // of the folder in the bucket: empty, or with a slash at its end
	dir    string // the folder, where it is one of this machine
	set    string // the name of a set in the folder, or empty
	server serverSide
}

// serverSide is what an S3 server is told about each object beside its bytes.
type serverSide struct {
	lockMode string        // "COMPLIANCE" or "GOVERNANCE", or empty
	retain   time.Duration // from the upload on
	class    string        // the storage class, or empty
}

const (
	validation = "response_checksum_validation"
	lockKey    = "object_lock"
	daysKey    = "retain_days"
	classKey   = "storage_class"
	allScheme  = ""     // no URL has it
	escaped    = "__0x" // how the drivers write what they escape, so that they escape it itself
)

// errUserInfo shows nothing of the URL.
var errUserInfo = errors.New("a URL may hold no user or password, as it is shown to everybody: " +
	"give credentials as the driver finds them, for S3 in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a profile")

// parse takes a URL apart: SCHEME://BUCKET/FOLDER/ or file:///FOLDER/, with the name of a set behind it or not.
func parse(raw string) (location, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return location{}, errors.New("it is no URL") // url's error quotes all of it
	}
	if !blob.DefaultURLMux().ValidBucketScheme(u.Scheme) {
		return location{}, fmt.Errorf("no driver for %s:// is built in: file and s3 are, and gs and azblob after "+
			"go build -tags gs,azblob", u.Scheme)
	}
	if u.User != nil {
		return location{}, errUserInfo
	}
	if u.Fragment != "" {
		return location{}, errors.New("it has a #, behind which nothing would be read: write %23 where that is part of a name")
	}
	l := location{url: *u}
	query := u.Query()
	if err := checkQuery(u.Scheme, query); err != nil {
		return location{}, err
	}
	if l.server, err = takeServerSide(u.Scheme, query); err != nil {
		return location{}, err
	}
	folder := u.Path
	if strings.HasSuffix(folder, Extension) {
		folder, l.set = path.Split(folder)
		if err := checkName(l.set); err != nil {
			return location{}, err
		}
	}
	for part := range strings.SplitSeq(strings.Trim(folder, "/"), "/") {
		up := strings.HasSuffix(part, "..") && u.Scheme != "file"
		odd := strings.ContainsFunc(part, unicode.IsControl) || strings.Contains(part, escaped)
		if part == "." || up || odd || part == "" && strings.Trim(folder, "/") != "" {
			return location{}, fmt.Errorf("the path %q has a part %q: give it without", folder, part)
		}
	}
	opened := url.URL{Scheme: u.Scheme, Host: u.Host}
	if u.Scheme == "file" {
		if u.Host != "" && u.Host != "." && u.Host != "localhost" {
			return location{}, fmt.Errorf("file://%s names a host: write file:///DIR, or file://./DIR for a relative one", u.Host)
		}
		opened.Path = folder
		l.dir = directory(u.Host, folder)
		query.Set("no_tmp_dir", "1") // beside the set, where there is room for it, and a rename is enough
		query.Set("metadata", "skip")
	} else {
		if u.Host == "" {
			return location{}, fmt.Errorf("it names no bucket: write %s://BUCKET/FOLDER/", u.Scheme)
		}
		l.prefix = strings.Trim(folder, "/")
		if l.prefix != "" {
			l.prefix += "/"
		}
	}
	if u.Scheme == "s3" && !query.Has(validation) {
		query.Set(validation, "when_required") // the driver logs each answer that has no checksum; all that is read has a digest
	}
	opened.RawQuery = query.Encode()
	l.bucket = opened.String()
	return l, nil
}

// directory is the folder as the driver opens it: a host . makes it relative, and Windows has no slash before the drive.
func directory(host, folder string) string {
	if host == "." || os.PathSeparator != '/' {
		folder = strings.TrimPrefix(folder, "/")
	}
	return cmp.Or(filepath.FromSlash(folder), ".")
}

// parameters are those that each scheme may have. Others are refused here, and without their values: the drivers quote those,
// and they may be keys.
var parameters = map[string][]string{
	"file": {"create_dir", "dir_file_mode"},
	"s3": {
		"region", "endpoint", "profile", "hostname_immutable", "dualstack", "fips", "rate_limiter_capacity", "anonymous", "role",
		"role_session_name", "role_external_id", "role_duration", "web_identity_token_file", "request_checksum_calculation",
		validation, "ssetype", "kmskeyid", "accelerate", "use_path_style", "s3ForcePathStyle", "disable_https", "awssdk",
	},
	"gs":      {"access_id", "private_key_path", "anonymous", "universe_domain", "grpc", "zonal"},
	"azblob":  {"domain", "protocol", "cdn", "localemu", "storage_account"},
	allScheme: {lockKey, daysKey, classKey}, // takeServerSide says where these belong
}

// checkQuery refuses what nobody reads, and a password that would be shown.
func checkQuery(scheme string, query url.Values) error {
	for key := range query {
		if !slices.Contains(parameters[scheme], key) && !slices.Contains(parameters[allScheme], key) {
			return fmt.Errorf("%s:// has no parameter %q: see \"clustersnap list --help\"; credentials are given "+
				"as the driver finds them", scheme, key)
		}
	}
	for _, raw := range query["endpoint"] {
		endpoint, err := url.Parse(raw)
		if err != nil || endpoint.Host == "" {
			return errors.New("the endpoint is no URL: write https://HOST:PORT") // url's error quotes all of it
		}
		if endpoint.User != nil {
			return errUserInfo
		}
	}
	return nil
}

// takeServerSide takes those parameters out of a query that the drivers don't know.
func takeServerSide(scheme string, query url.Values) (s serverSide, err error) {
	const lock, days, class = lockKey, daysKey, classKey
	if scheme != "s3" && (query.Has(lock) || query.Has(days) || query.Has(class)) {
		return s, fmt.Errorf("%s, %s and %s are for s3 only", lock, days, class)
	}
	s.lockMode, s.class = strings.ToUpper(query.Get(lock)), query.Get(class)
	if query.Has(lock) && s.lockMode != "COMPLIANCE" && s.lockMode != "GOVERNANCE" {
		return s, fmt.Errorf("%s is compliance or governance, not %q", lock, query.Get(lock))
	}
	if query.Has(lock) != query.Has(days) {
		return s, fmt.Errorf("%s and %s go together", lock, days)
	}
	if query.Has(days) {
		n, err := strconv.Atoi(query.Get(days))
		if err != nil || n < 1 || n > 36500 {
			return s, fmt.Errorf("%s is a number of days from 1 to 36500, not %q", days, query.Get(days))
		}
		s.retain = time.Duration(n) * 24 * time.Hour
	}
	for _, key := range []string{lock, days, class} {
		query.Del(key)
	}
	return s, nil
}

// of is the URL of what is in the folder under a name.
func (l location) of(name string) string {
	u := l.url
	if l.set != "" {
		u.Path = strings.TrimSuffix(u.Path, l.set)
	}
	u.Path = strings.TrimSuffix(u.Path, "/") + "/" + name
	return u.String()
}

// short is of for errors: without the query.
func (l location) short(name string) string {
	l.url.RawQuery = ""
	return l.of(name)
}

// checkName holds that a name is one that a set may have: the receipt beside it, and a terminal, have to bear it.
func checkName(name string) error {
	stem, ok := strings.CutSuffix(name, Extension)
	if !ok || stem == "" || len(name) > 200 || strings.Trim(stem, nameLetters) != "" || stem[0] == '.' ||
		strings.Contains(stem, escaped) {
		return fmt.Errorf("%q is no name of a set: 1 to 200 of A-Z a-z 0-9 . _ - that end in %s", name, Extension)
	}
	return nil
}

const nameLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

// Name is that of a new set of a node: NODE-TIME-CLUSTER-RANDOM.clustersnap, with the time to the second in UTC, so that names
// of a node sort by it. No two are the same: not every server refuses the second upload of one name.
func Name(cluster, node string, created time.Time) string {
	plain := func(s string, most int) string {
		s = strings.Map(func(r rune) rune {
			if strings.ContainsRune(nameLetters, r) {
				return r
			}
			return '_'
		}, s)
		return strings.TrimLeft(s[:min(len(s), most)], ".")
	}
	random := strings.ToLower(rand.Text()[:8])
	at := created.UTC().Format("20060102T150405Z")
	return strings.Join([]string{plain(node, 63), at, plain(cluster, 63), random}, "-") + Extension
}
