package csisanity

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/kubernetes-csi/csi-test/v5/pkg/sanity"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
)

// alone in the environment is for a process that runs one suite.
const alone = "CLUSTERSNAP_CSISANITY_ALONE"

// least is how many checks of the suite the driver is held to: others are for what it does not have.
const least = 53

// colours are those of what the suite says.
var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// passed finds how many checks have passed, in what the suite says at its end.
var passed = regexp.MustCompile(`\b(\d+) Passed\W.*\b0 Failed\b`)

// TestDriver runs the suite for each kind of driver, in a process of its own: a process can run it once.
func TestDriver(t *testing.T) {
	for name, opts := range map[string]driver.Options{"folders": {}, "images": {Images: true}} {
		t.Run(name, func(t *testing.T) {
			if os.Getenv(alone) != "" {
				check(t, opts)
				return
			}
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestDriver$/^"+name+"$")
			cmd.Env = append(os.Environ(), alone+"=1")
			out, err := cmd.CombinedOutput()
			n := 0
			if m := passed.FindSubmatch(colours.ReplaceAll(out, nil)); m != nil {
				n, _ = strconv.Atoi(string(m[1]))
			}
			if err != nil || n < least {
				t.Errorf("the suite: %v; %d checks have passed, want %d\n%s", err, n, least, out)
			}
		})
	}
}

// check runs the suite.
func check(t *testing.T, opts driver.Options) {
	dir := t.TempDir()
	config := sanity.NewTestConfig()
	config.Address = driver.Start(t, opts).Socket
	config.TargetPath, config.StagingPath = filepath.Join(dir, "target"), filepath.Join(dir, "staging")
	config.TestVolumeSize = 1 << 20
	sanity.Test(t, config)
}
