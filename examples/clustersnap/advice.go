package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// advice is what to do about a cause that is the same wherever it comes from, of which only the command line says what it is
// about: a file, a folder or a program that it names.
type advice struct {
	about string // the words of the cause
	next  string
	usage bool // the command line is at fault
}

// to gives a sentence that has the cause what to do next.
func (a advice) to(sentence string) string {
	if a.next == "" || !strings.Contains(sentence, a.about) {
		return sentence
	}
	return sentence + ": " + a.next
}

// adviceOn is empty where the error says all itself.
func adviceOn(cmd *cobra.Command, err error) advice {
	names := namesOf(cmd)
	if missing := (*exec.Error)(nil); errors.As(err, &missing) {
		for _, n := range names {
			if n.as == missing.Name {
				return advice{missing.Error(), n.spelling(), n.given}
			}
		}
	}
	for at := (*fs.PathError)(nil); errors.As(err, &at); err = at.Err {
		if a := adviceOnPath(names, at); a.next != "" {
			return a
		}
	}
	return advice{}
}

func adviceOnPath(names []name, at *fs.PathError) advice {
	path, err := filepath.Abs(at.Path)
	if err != nil {
		return advice{}
	}
	if errors.Is(at.Err, syscall.ENOSPC) {
		next := "make room there"
		if what := room(names, path); what != "" {
			next += ", or give another " + what
		}
		return advice{at.Error(), next, false}
	}
	if !errors.Is(at.Err, fs.ErrNotExist) {
		return advice{}
	}
	for _, n := range names {
		switch {
		case path == n.path:
			return advice{at.Error(), n.spelling(), n.given}
		case path == filepath.Dir(n.path):
			return advice{at.Error(), "make that folder, or give another " + n.what, false}
		case below(path, n.path) && !there(n.path):
			return advice{at.Error(), n.spelling(), n.given}
		}
	}
	return advice{}
}

// outputs are what names a place to be written to.
var outputs = []string{"--to", "--scratch", "--data-dir", "--wal-dir", "--records", "--html", "DIR"}

// room is what of the command line has something written to a path, empty if it is not known: what names the nearest place.
func room(names []name, path string) (what string) {
	nearest := 0
	for _, n := range names {
		for _, dir := range []string{n.path, filepath.Dir(n.path)} {
			if slices.Contains(outputs, n.what) && below(path, dir) && len(dir) > nearest {
				nearest, what = len(dir), n.what
			}
		}
	}
	return what
}

func below(path, dir string) bool { return strings.HasPrefix(path, dir+string(filepath.Separator)) }

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// name is what an argument or a flag names.
type name struct {
	what, as, path string
	given          bool // a flag that was
}

// spelling says what to look at where there is nothing of the name.
func (n name) spelling() string {
	if strings.HasPrefix(n.what, "--") {
		return "look at how " + n.what + " is written"
	}
	return "look at how it is written"
}

// namesOf gives the files, folders and programs that a command line names. Of the node's root each error says more itself.
func namesOf(cmd *cobra.Command) (all []name) {
	add := func(what, as string, given bool) {
		if path, err := filepath.Abs(as); err == nil && as != "" && as != "-" {
			all = append(all, name{what, as, path, given})
		}
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		what, _ := pflag.UnquoteUsage(f)
		if f.Name == "root" || what != "FILE" && what != "DIR" && what != "PROGRAM" {
			return
		}
		values := []string{f.Value.String()}
		if many, ok := f.Value.(pflag.SliceValue); ok {
			values = many.GetSlice()
		}
		for _, v := range values {
			add("--"+f.Name, v, f.Changed)
		}
	})
	for i, arg := range cmd.Flags().Args() {
		add(strings.Trim(argument(cmd.Use, i), "[.]"), arg, false)
	}
	return all
}
