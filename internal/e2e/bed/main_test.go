package bed

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

// The test executable plays programs that the tests need.
const playVariable = "CLUSTERSNAP_BED_PLAY"

func TestMain(m *testing.M) {
	switch os.Getenv(playVariable) {
	case "stubborn": // does not end on SIGTERM
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready", os.Args[1:])
		select {}
	case "idle": // ends with its input
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
	default:
		faults.Main(m)
	}
}

var must, stuck = trial.Must, trial.Context
