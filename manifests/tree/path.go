package tree

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strings"

	"github.com/clustersnap/clustersnap/manifests"
)

const (
	clusterDir    = "cluster"
	namespacesDir = "namespaces"
	plainSuffix   = ".yaml"
	sealedSuffix  = ".yaml.age"

	// File systems take 255 bytes for one name. What is longer is cut to keptPart bytes and told apart by a digest.
	maxPart  = 255 - len(sealedSuffix)
	keptPart = 150
)

// Path is where the file of an object lies below the root of its tree, with slashes. Different keys have different
// paths, also where a file system takes upper and lower case, or composed and decomposed accents, for the same. The file
// of an encrypted Secret has .age appended.
func Path(k manifests.Key) string {
	kind := escape(k.Resource, "-_")
	if k.Group != "" {
		kind += "." + escape(k.Group, "-_.")
	}
	dir := clusterDir
	if k.Namespace != "" {
		dir = namespacesDir + "/" + safe(escape(k.Namespace, "-_."))
	}
	return dir + "/" + safe(kind) + "/" + safe(escape(k.Name, "-_.")) + plainSuffix
}

// escape writes every byte but lower-case letters, digits and the kept ones as %xx. Its output has no upper case, so it
// is still injective after case has been folded.
func escape(s, kept string) string {
	plain := 0
	for plain < len(s) && isPlain(s[plain], kept) {
		plain++
	}
	if plain == len(s) {
		return s
	}
	b := append(make([]byte, 0, len(s)+16), s[:plain]...)
	for _, c := range []byte(s[plain:]) {
		if isPlain(c, kept) {
			b = append(b, c)
		} else {
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(b)
}

func isPlain(c byte, kept string) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte(kept, c) >= 0
}

// safe makes an escaped name one that every system keeps as it is: not hidden, nothing that Windows drops at the end, no
// device of Windows, not too long. A percent sign before a dash occurs nowhere else.
func safe(part string) string {
	if part[0] == '.' || isDevice(part) {
		part = "%" + hex.EncodeToString([]byte(part[:1])) + part[1:]
	}
	if last := len(part) - 1; part[last] == '.' {
		part = part[:last] + "%2e"
	}
	if len(part) <= maxPart {
		return part
	}
	digest := sha256.Sum256([]byte(part))
	cut := keptPart
	if at := strings.LastIndexByte(part[:cut], '%'); at > cut-3 {
		cut = at // not in the middle of an escape
	}
	return part[:cut] + "%-" + hex.EncodeToString(digest[:])
}

// isDevice reports whether Windows would open a device instead of a file of this name, whatever its extension.
func isDevice(part string) bool {
	base, _, _ := strings.Cut(part, ".")
	switch base {
	case "con", "prn", "aux", "nul":
		return true
	}
	return len(base) == 4 && (base[:3] == "com" || base[:3] == "lpt") && '0' <= base[3] && base[3] <= '9'
}

// isPath reports whether p could be the path of an object: nothing else is ever moved, removed or unpacked.
func isPath(p string) bool {
	dir, name := path.Split(p)
	return isDir(strings.TrimSuffix(dir, "/")) && isPart(name) &&
		(strings.HasSuffix(name, plainSuffix) || strings.HasSuffix(name, sealedSuffix))
}

// isDir reports whether p could be the directory of objects.
func isDir(p string) bool {
	parts := strings.Split(p, "/")
	switch {
	case len(parts) == 2 && parts[0] == clusterDir:
	case len(parts) == 3 && parts[0] == namespacesDir:
	default:
		return false
	}
	return !slices.ContainsFunc(parts, func(part string) bool { return !isPart(part) })
}

// isPart reports whether a name could be one of those in a path.
func isPart(part string) bool {
	if part == "" || len(part) > 255 || part[0] == '.' || part[len(part)-1] == '.' || isDevice(part) {
		return false
	}
	for _, c := range []byte(part) {
		if !isPlain(c, "-_.%") {
			return false
		}
	}
	return true
}
