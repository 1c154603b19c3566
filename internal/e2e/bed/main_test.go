package bed

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/clustersnap/clustersnap/internal/e2e/faults"
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
		faults.PrivateMounts()
		os.Exit(m.Run())
	}
}

// stuck is a context for what must come, however slow the machine is.
func stuck(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// must ends the test if err is not nil.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
