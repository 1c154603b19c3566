package clustersnap

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/clustersnap/clustersnap/internal/strictjson"
)

const (
	formatVersion = 1
	indexName     = "index.json"
	// maxIndex bounds what Open reads into memory before it knows anything else.
	maxIndex = 4 << 20
	// What follows bounds the work that names make: a set is not a file system, and a tree
	// of many files is one member, as tar.
	maxMembers = 4096
	maxName    = 255
	maxDepth   = 8
)

// Member is one file of a backup set, as the index describes it.
type Member struct {
	// Name is a relative path with slashes: see [Writer.Add] for the rules.
	Name string `json:"name"`
	// Size is in bytes, as stored.
	Size int64 `json:"size"`
	// CRC32 is the IEEE checksum that the zip container wants.
	CRC32 uint32 `json:"crc32"`
	// SHA256 is the digest of the stored bytes, 64 lower-case hexadecimal digits.
	SHA256 string `json:"sha256"`
	// Description is what the writer said of the member, as JSON.
	Description json.RawMessage `json:"description"`
}

type index struct {
	Version int       `json:"version"`
	Created time.Time `json:"created"`
	Members []Member  `json:"members"`
}

// decodeIndex trusts nothing: the bytes are those that the set's last line names, but
// whoever wrote them may be hostile.
func decodeIndex(b []byte) (*index, error) {
	ix := index{Members: []Member{}}
	d := json.NewDecoder(bytes.NewReader(b))
	err := strictjson.Object(d, strictjson.Fields{
		"version": &ix.Version,
		"created": &ix.Created,
		"members": func() error {
			return strictjson.Array(d, func() error {
				var m Member
				err := strictjson.Object(d, strictjson.Fields{
					"name": &m.Name, "size": &m.Size, "crc32": &m.CRC32, "sha256": &m.SHA256, "description": &m.Description,
				}, nil)
				ix.Members = append(ix.Members, m)
				return err
			})
		},
	}, nil)
	if err == nil {
		err = strictjson.End(d)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: index: %w", ErrCorrupt, err)
	}
	ix.Created = ix.Created.UTC()
	if ix.Version != formatVersion {
		return nil, fmt.Errorf("%w: the index says version %d and the last line %d", ErrCorrupt, ix.Version, formatVersion)
	}
	if err := checkCreated(ix.Created); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	var taken names
	for _, m := range ix.Members {
		if err := taken.add(m.Name); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		if m.Size < 0 {
			return nil, fmt.Errorf("%w: member %q: size %d", ErrCorrupt, m.Name, m.Size)
		}
		if raw, err := hex.DecodeString(m.SHA256); err != nil || len(raw) != 32 || strings.ToLower(m.SHA256) != m.SHA256 {
			return nil, fmt.Errorf("%w: member %q: sha256 is not 64 lower-case hexadecimal digits", ErrCorrupt, m.Name)
		}
	}
	return &ix, nil
}

func checkCreated(t time.Time) error {
	if y := t.UTC().Year(); y < 1980 || y > 2107 {
		return fmt.Errorf("creation time %s: a zip file can only say the years 1980 to 2107", t.UTC().Format(time.RFC3339))
	}
	return nil
}

// names holds the names of a set and refuses those that could not all be
// extracted side by side on every system.
type names struct {
	files, dirs map[string]bool // folded to lower case
}

func (n *names) add(name string) error {
	if err := checkName(name); err != nil {
		return fmt.Errorf("member name %q: %w", name, err)
	}
	if n.files == nil {
		n.files = map[string]bool{indexName: true}
		n.dirs = map[string]bool{}
	}
	if len(n.files) > maxMembers {
		return fmt.Errorf("member name %q: a set has at most %d members: put many files into one, as tar", name, maxMembers)
	}
	folded := strings.ToLower(name)
	if n.files[folded] || n.dirs[folded] {
		return fmt.Errorf("member name %q: taken already (names that differ only in case are one name)", name)
	}
	var parents []string
	for i, c := range folded {
		if c == '/' {
			parents = append(parents, folded[:i])
		}
	}
	for _, p := range parents {
		if n.files[p] {
			return fmt.Errorf("member name %q: %q is a file of the set already", name, p)
		}
	}
	for _, p := range parents {
		n.dirs[p] = true
	}
	n.files[folded] = true
	return nil
}

func checkName(name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("needs 1 to %d bytes", maxName)
	}
	parts := strings.Split(name, "/")
	if len(parts) > maxDepth {
		return fmt.Errorf("has more than %d parts", maxDepth)
	}
	for _, part := range parts {
		if part == "" || part == "." || part == ".." {
			return errors.New("must be a relative path without empty, . or .. parts")
		}
		if strings.HasSuffix(part, ".") {
			return errors.New("a part must not end in a dot, which Windows drops")
		}
		for _, c := range []byte(part) {
			if !isNameByte(c) {
				return fmt.Errorf("byte %#02x is not one of A-Z a-z 0-9 . _ - + @ =", c)
			}
		}
		if isDevice(part) {
			return errors.New("is a device on Windows")
		}
	}
	return nil
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("._-+@=", c) >= 0
}

// isDevice reports whether Windows would open a device instead of a file of this name.
func isDevice(part string) bool {
	base, _, _ := strings.Cut(strings.ToLower(part), ".")
	switch base {
	case "con", "prn", "aux", "nul":
		return true
	}
	return len(base) == 4 && (base[:3] == "com" || base[:3] == "lpt") && '0' <= base[3] && base[3] <= '9'
}
