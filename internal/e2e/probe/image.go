package main

import (
	"debug/elf"
	"errors"
	"os"

	"github.com/clustersnap/clustersnap/internal/e2e/ociimage"
)

const imageName = "example.com/probe:latest"

// writeImage writes an image that holds this program alone.
func writeImage(file string) error {
	const self = "/proc/self/exe"
	if err := static(self); err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(ociimage.Write(f, ociimage.Image{
		Name: imageName, Files: map[string]string{"/probe": self}, Entrypoint: []string{"/probe", containerArg},
	}), f.Close())
}

// static holds that a program needs no other file to run.
func static(program string) error {
	f, err := elf.Open(program)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return errors.New("this program needs shared libraries: build it with CGO_ENABLED=0")
		}
	}
	return nil
}
