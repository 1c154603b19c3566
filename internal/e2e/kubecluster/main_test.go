package kubecluster

import (
	"testing"

	"github.com/clustersnap/clustersnap/internal/e2e/faults"
	"github.com/clustersnap/clustersnap/internal/e2e/trial"
)

func TestMain(m *testing.M) { faults.Main(m) }

var must, stuck = trial.Must, trial.Context
