package peers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// provide gives the path of the executable in its entry of the cache, and builds it unless an intact one is there.
// The entry is locked for the whole of it, so that of several processes one builds and the others find its work.
func (s source) provide(ctx context.Context, cache string) (string, error) {
	key, err := s.key()
	if err != nil {
		return "", err
	}
	entry := filepath.Join(cache, fmt.Sprintf("%s-%s-%s", s.name, s.version(), key))
	if err := os.MkdirAll(entry, 0o755); err != nil {
		return "", err
	}
	unlock, err := lockedfile.MutexAt(filepath.Join(entry, "lock")).Lock()
	if err != nil {
		return "", err
	}
	defer unlock()

	program := filepath.Join(entry, s.name)
	if intact(program) {
		return program, nil
	}
	return program, s.install(ctx, program)
}

// install builds program next to its place and moves it there whole, then notes its digest: a build that is cut
// short at any step leaves a program without a matching note, which is built again. One program of a cache is built
// at a time, because the go command keeps every core busy by itself and the linking of Kubernetes takes much memory.
func (s source) install(ctx context.Context, program string) error {
	entry := filepath.Dir(program)
	unlock, err := lockedfile.MutexAt(filepath.Join(filepath.Dir(entry), "lock")).Lock()
	if err != nil {
		return err
	}
	defer unlock()
	work := filepath.Join(entry, "build")
	if err := os.RemoveAll(work); err != nil { // of a build that was killed
		return err
	}
	if err := os.Mkdir(work, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(work)

	built, err := s.build(ctx, work)
	if err != nil {
		return err
	}
	sum, err := digest(built)
	if err != nil {
		return err
	}
	if err := os.Rename(built, program); err != nil {
		return err
	}
	return os.WriteFile(note(program), []byte(sum), 0o644)
}

// intact reports whether program can be run and is what its note says.
func intact(program string) bool {
	info, err := os.Stat(program)
	if err != nil || info.Mode()&0o111 == 0 {
		return false
	}
	want, err := os.ReadFile(note(program))
	if err != nil {
		return false
	}
	sum, err := digest(program)
	return err == nil && sum == string(want)
}

// note is the file that holds the digest of program.
func note(program string) string { return program + ".sha256" }

// digest is the SHA-256 of a file in hex.
func digest(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
