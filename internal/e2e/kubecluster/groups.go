package kubecluster

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/clustersnap/clustersnap/internal/durable"
	"github.com/clustersnap/clustersnap/internal/e2e/kubecluster/spec"
)

// groupPrefix is what the control groups of nodes are named for.
const groupPrefix = "clustersnap-node-"

// hierarchy is a control group hierarchy of version 1, and where in it this process is.
type hierarchy struct {
	spec.Hierarchy
	mount string // its mount point
	own   string // the folder of this process's group
}

// hierarchies are those that the machine has.
func hierarchies() ([]hierarchy, error) {
	mounts, err := groupMounts()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile("/proc/self/cgroup") // cgroups(7)
	if err != nil {
		return nil, err
	}
	var all []hierarchy
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 || fields[1] == "" { // version 2
			continue
		}
		m, ok := mounts[fields[1]]
		if !ok {
			continue // not mounted: nobody uses it
		}
		options := fields[1]
		if strings.HasPrefix(options, "name=") {
			options = "none," + options
		}
		within, err := filepath.Rel(m.root, fields[2])
		if err != nil || strings.HasPrefix(within, "..") {
			return nil, fmt.Errorf("control group %s is not below its mount %s, which shows %s", fields[2], m.at, m.root)
		}
		all = append(all, hierarchy{
			Hierarchy: spec.Hierarchy{Name: filepath.Base(m.at), Options: options}, mount: m.at, own: filepath.Join(m.at, within),
		})
	}
	if all == nil {
		return nil, errors.New("this machine has no control groups of version 1: nodes on version 2 are not built yet")
	}
	return all, nil
}

type groupMount struct{ root, at string }

// groupMounts finds the mounts of hierarchies, by their controllers as /proc/self/cgroup lists them.
func groupMounts() (map[string]groupMount, error) {
	f, err := os.Open("/proc/self/mountinfo") // proc_pid_mountinfo(5)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all := make(map[string]groupMount)
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(kind) < 3 || kind[0] != "cgroup" {
			continue
		}
		var controllers []string
		for option := range strings.SplitSeq(kind[2], ",") {
			if !slices.Contains([]string{"rw", "ro", "xattr", "noprefix", "clone_children", "none"}, option) {
				controllers = append(controllers, option)
			}
		}
		all[strings.Join(controllers, ",")] = groupMount{root: fields[3], at: fields[4]}
	}
	return all, lines.Err()
}

// groups are the control groups of a node, one in each hierarchy, each locked while the test process lives.
type groups struct {
	hierarchies []hierarchy
	folders     []*os.File
}

// newGroups makes groups below those of this process.
func newGroups() (*groups, error) {
	all, err := hierarchies()
	if err != nil {
		return nil, err
	}
	g := &groups{hierarchies: all}
	for _, h := range all {
		if err := g.add(h); err != nil {
			return nil, errors.Join(fmt.Errorf("make control group in %s: %w", h.own, err), g.remove())
		}
	}
	return g, nil
}

// add makes the group of one hierarchy. Somebody who sweeps may take it in the moment before it is locked.
func (g *groups) add(h hierarchy) error {
	for {
		name, err := os.MkdirTemp(h.own, groupPrefix)
		if err != nil {
			return err
		}
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		locked, err := durable.Lock(f)
		if _, gone := os.Stat(name); !locked || gone != nil {
			f.Close()
			if err != nil {
				return err
			}
			continue
		}
		g.folders = append(g.folders, f)
		return h.copySets(name)
	}
}

// copySets gives a new group of the hierarchy cpuset what it has to have before any process: see cpuset(7).
func (h hierarchy) copySets(group string) error {
	for _, set := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(h.own, set))
		if errors.Is(err, fs.ErrNotExist) {
			continue // another hierarchy
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(group, set), value, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// take puts a process into the groups.
func (g *groups) take(pid int) error {
	for _, f := range g.folders {
		if err := os.WriteFile(filepath.Join(f.Name(), "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// specs are what the node mounts.
func (g *groups) specs() (all []spec.Hierarchy) {
	for _, h := range g.hierarchies {
		all = append(all, h.Hierarchy)
	}
	return all
}

// remove removes the groups, which nothing runs in any more.
func (g *groups) remove() error {
	var errs []error
	for _, f := range g.folders {
		errs = append(errs, removeGroup(f.Name()), f.Close())
	}
	return errors.Join(errs...)
}

// removeGroup removes a group and those in it. For a moment after the end of its last process the kernel may refuse.
func removeGroup(group string) error {
	const tries, pause = 100, 50 * time.Millisecond
	var err error
	for range tries {
		var folders []string
		filepath.WalkDir(group, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				folders = append(folders, path)
			}
			return nil
		})
		slices.Reverse(folders)
		err = nil
		for _, folder := range folders {
			if rerr := unix.Rmdir(folder); rerr != nil && rerr != unix.ENOENT {
				err = fmt.Errorf("remove control group %s: %w", folder, rerr)
			}
		}
		if err == nil {
			return nil
		}
		time.Sleep(pause)
	}
	return err
}

// sweepGroups removes what tests that were killed have left, wherever they were.
func sweepGroups() error {
	all, err := hierarchies()
	if err != nil {
		return err
	}
	var errs []error
	for _, h := range all {
		filepath.WalkDir(h.mount, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() || !strings.HasPrefix(d.Name(), groupPrefix) {
				return nil // it may have gone meanwhile
			}
			errs = append(errs, sweepGroup(path))
			return fs.SkipDir
		})
	}
	return errors.Join(errs...)
}

// sweepGroup removes a group unless its test lives.
func sweepGroup(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return nil // it has gone
	}
	defer f.Close()
	if locked, err := durable.Lock(f); err != nil || !locked {
		return err
	}
	return removeGroup(path)
}
