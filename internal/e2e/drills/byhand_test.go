package drills

import (
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
)

func TestMain(m *testing.M) { command.Main(m) }
