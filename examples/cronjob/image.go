package main

import (
	"context"
	"fmt"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// nobody is the user of a pod that names none: what can read a node's keys is chosen by the pod.
const nobody = "65532:65532"

// images makes one image of each platform, and the index that names them. Their files lie in dir until they were read.
func (o order) images(ctx context.Context, dir string) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range o.platforms {
		program := filepath.Join(dir, "program-"+p.Architecture)
		if err := build(ctx, program, o.program, p); err != nil {
			return nil, err
		}
		layer := filepath.Join(dir, "layer-"+p.Architecture+".tar")
		if err := packLayer(layer, program); err != nil {
			return nil, err
		}
		image, err := newImage(layer, p)
		if err != nil {
			return nil, fmt.Errorf("image for %s: %w", p, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &p}})
	}
	return index, nil
}

// newImage is one layer and how to run it.
func newImage(layer string, p v1.Platform) (v1.Image, error) {
	files, err := tarball.LayerFromFile(layer, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if image, err = mutate.AppendLayers(image, files); err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = p.OS, p.Architecture
	config.Config = v1.Config{
		Entrypoint: []string{"/" + programPath},
		Env:        []string{"PATH=/usr/local/bin"}, // pods say "clustersnap" alone
		User:       nobody,
		WorkingDir: "/",
	}
	return mutate.ConfigFile(image, config)
}
