package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/clustersnap/clustersnap/manifests"
)

// classes are all that an object may be of.
var classes = []manifests.Class{
	manifests.User, manifests.Generated, manifests.Bootstrap, manifests.NodeBound, manifests.Virtual, manifests.Terminating,
	manifests.Completed,
}

func classNames() (names []string) {
	for _, c := range classes {
		names = append(names, string(c))
	}
	return names
}

// classList is the flag --class where objects are selected, given once or more.
type classList []manifests.Class

func (c *classList) Type() string { return "CLASS" }

func (c *classList) String() string {
	if c == nil || len(*c) == 0 {
		return ""
	}
	return fmt.Sprint(*c)
}

func (c *classList) Set(name string) error {
	if !slices.Contains(classes, manifests.Class(name)) {
		return fmt.Errorf("it is one of %s", strings.Join(classNames(), ", "))
	}
	*c = append(*c, manifests.Class(name))
	return nil
}
