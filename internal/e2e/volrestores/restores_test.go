package volrestores

import "testing"

type test struct {
	name string
	run  func(*testing.T, *place)
}

func TestRestores(t *testing.T) {
	p := newPlace(t)
	// These change how the driver is, or look at all that it has.
	for _, test := range []test{
		{"claims", claimsTest},
		{"drill", drillTest},
		{"export", exportTest}, {"member of a group", memberTest},
		{"import", importTest},
		{"unverified", unverifiedTest},
		{"strangers", strangersTest},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, p) })
	}
	for _, test := range []test{
		{"deleted namespace", deletedNamespaceTest},
		{"swap", swapTest},
		{"refused swap", refusedSwapTest},
		{"scaled", scaledTest},
		{"broken swap", brokenSwapTest},
		{"swap from elsewhere", swapFromElsewhereTest},
		{"swap that waits", waitingSwapTest},
		{"started before it ends", startedTest},
		{"two swaps", twoSwapsTest},
		{"claims that go", goingClaimsTest},
		{"discard again", discardAgainTest},
		{"two clusters", twoClustersTest},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, p)
		})
	}
}
