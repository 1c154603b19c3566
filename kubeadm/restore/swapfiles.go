package restore

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/clustersnap/clustersnap/internal/durable"
)

// swapFiles puts the files into their places. A name never lacks a file: the old one gets a second name before the new one
// takes the first. What is in the directory of manifests stays beside it: a kubelet would run it at once.
func (m *machine) swapFiles() error {
	for _, c := range m.files() {
		if c.runs(m.at) {
			continue
		}
		if err := m.swapFile(c); err != nil {
			return err
		}
	}
	return nil
}

// startOthers puts manifests into their places that are of none of the plan's pods: kube-apiserver may need what they run, such
// as a plugin with keys.
func (m *machine) startOthers() error {
	for _, c := range m.files() {
		if !c.runs(m.at) {
			continue
		}
		if err := m.swapFile(c); err != nil {
			return err
		}
	}
	return nil
}

// runs reports whether a kubelet runs what is in the file, as soon as that is in its place.
func (c change) runs(at places) bool { return filepath.Dir(c.place(at)) == at.dir }

func (m *machine) swapFile(c change) error {
	place, fresh, aside := c.place(m.at), c.fresh(m.plan, m.at), c.aside(m.plan, m.at)
	if there, err := c.isAt(place); err != nil || there {
		return err
	}
	if there, err := c.isAt(fresh); err != nil || !there {
		return cmp.Or(err, fmt.Errorf("%s, which was staged, is neither there nor in its place: something has removed it", fresh))
	}
	if !c.Create && !exists(aside) {
		m.host.Changed("link " + aside)
		if err := os.Link(place, aside); err != nil {
			return err
		}
		if err := durable.Sync(filepath.Dir(aside)); err != nil {
			return err
		}
	}
	m.host.Changed("rename " + place)
	if err := os.Rename(fresh, place); err != nil {
		return err
	}
	return durable.Sync(filepath.Dir(place))
}

// unswapFiles puts the old files back, and those that took no other's place beside it, from where they are removed.
func (m *machine) unswapFiles() error {
	for _, c := range slices.Backward(m.files()) {
		if err := m.unswapFile(c); err != nil {
			return err
		}
	}
	return nil
}

func (m *machine) unswapFile(c change) error {
	place, aside := c.place(m.at), c.aside(m.plan, m.at)
	old, err := inodeOf(aside)
	if err != nil {
		return err
	}
	if old != 0 {
		m.host.Changed("rename back " + place)
		if err := os.Rename(aside, place); err != nil {
			return err
		}
		// A rename of one name of a file over another one of its names does nothing (rename(2)).
		return errors.Join(remove(aside), durable.Sync(filepath.Dir(place)))
	}
	if there, err := c.isAt(place); err != nil || !c.Create || !there { // somebody else's, or rewritten by one, stays
		return err
	}
	m.host.Changed("take away " + place)
	return errors.Join(os.Rename(place, c.fresh(m.plan, m.at)), durable.Sync(filepath.Dir(place)))
}
