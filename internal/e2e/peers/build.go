package peers

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

//go:embed */*/go.mod.txt */*/go.sum.txt
var releases embed.FS

// ldflags leave out what only a debugger reads.
const ldflags = "-s -w"

// key names what decides a build: equal keys build equal programs.
func (s source) key() (string, error) {
	mod, sum, err := s.module()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q", []string{
		runtime.Version(), runtime.GOOS, runtime.GOARCH, ldflags, s.main, string(mod), string(sum),
	})
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// module gives the go.mod and the go.sum of the program's release.
func (s source) module() (mod, sum []byte, err error) {
	if mod, err = releases.ReadFile(s.release + "/go.mod.txt"); err != nil {
		return nil, nil, err
	}
	sum, err = releases.ReadFile(s.release + "/go.sum.txt")
	return mod, sum, err
}

// build makes the executable in work, an empty folder, and gives its path.
func (s source) build(ctx context.Context, work string) (string, error) {
	mod, sum, err := s.module()
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(work, "go.mod"), mod, 0o644); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(work, "go.sum"), sum, 0o644); err != nil {
		return "", err
	}
	built := filepath.Join(work, s.name)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags="+ldflags, "-o", built, s.main)
	cmd.Dir = work
	// The caller's flags are for the caller's module. GOFLAGS is not emptied, because the go command would then
	// take the one that "go env -w" has stored.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=readonly")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s in a module of %s: %w\n%s", s.main, s.release, err, out)
	}
	return built, nil
}
