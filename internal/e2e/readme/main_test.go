package readme

import (
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/command"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

func TestMain(m *testing.M) { command.Main(m) }

var must = trial.Must
