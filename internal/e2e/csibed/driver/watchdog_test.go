package driver

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

// freezing in the environment makes the test freeze a volume and wait for its end.
const freezing = "CLUSTERSNAP_DRIVER_FREEZING"

// TestKilled holds that a test that is killed while a file system is frozen leaves nothing behind.
func TestKilled(t *testing.T) {
	if os.Getenv(freezing) != "" {
		d := Start(t, Options{Images: true})
		made, err := d.CreateVolume(t.Context(), &csi.CreateVolumeRequest{
			Name: "data", VolumeCapabilities: []*csi.VolumeCapability{{}},
		})
		trial.Must(t, err)
		d.Freeze(t, made.Volume.VolumeId)
		fmt.Println("frozen", d.VolumePath(made.Volume.VolumeId))
		io.Copy(io.Discard, os.Stdin)
		return
	}
	cmd := exec.CommandContext(trial.Context(t), os.Args[0], "-test.run", "^TestKilled$")
	cmd.Env = append(os.Environ(), freezing+"=1")
	_, err := cmd.StdinPipe()
	trial.Must(t, err)
	out, err := cmd.StdoutPipe()
	trial.Must(t, err)
	trial.Must(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	path, ok := strings.CutPrefix(strings.TrimSpace(line), "frozen ")
	if !ok {
		t.Errorf("the test that is to be killed says %q (error: %v)", line, err)
	}
	trial.Must(t, cmd.Process.Kill())
	cmd.Wait()

	ctx, tick := trial.Context(t), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s is still there", path)
		}
	}
}
