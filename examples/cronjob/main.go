package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

const usage = `Assemble the container image of clustersnap, as an OCI archive.

  go run -C examples ./cronjob --to ../bin/clustersnap-image.tar

Flags:
  --to FILE         the archive to write; FILE.sha256 is written beside it
  --platform OS/ARCH[,OS/ARCH]
                    linux/amd64, linux/arm64 (default: both)
  --tag NAME:TAG    what the image is called
                    (default: registry.example.org/clustersnap:v1)
`

// order is what the command line asks for.
type order struct {
	to        string
	tag       name.Tag
	platforms []v1.Platform
	program   string // the package to build
}

// run returns the exit code: 0 good, 1 not good, 2 usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "cronjob: %v\nTry \"go run -C examples ./cronjob --help\".\n", err)
		return 2
	}
	digest, err := o.fill(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "cronjob: assemble image: %v\n", err)
		return 1
	}
	fmt.Fprintf(stdout, "%s@%s\n", o.tag, digest)
	return 0
}

func parse(args []string) (order, error) {
	o := order{program: "github.com/clustersnap/clustersnap/examples/clustersnap"}
	f := flag.NewFlagSet("cronjob", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.to, "to", "", "")
	platforms := f.String("platform", "linux/amd64,linux/arm64", "")
	tag := f.String("tag", "registry.example.org/clustersnap:v1", "")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.to == "" || f.NArg() > 0 {
		return o, errors.New("one destination is wanted: give --to FILE, and nothing but flags")
	}
	var err error
	if o.tag, err = name.NewTag(*tag, name.StrictValidation); err != nil {
		return o, fmt.Errorf("--tag %q: want REGISTRY/NAME:TAG: %w", *tag, err)
	}
	seen := map[string]bool{}
	for word := range strings.SplitSeq(*platforms, ",") {
		if word != "linux/amd64" && word != "linux/arm64" || seen[word] {
			return o, fmt.Errorf("--platform %q: want linux/amd64, linux/arm64, or both with a comma", *platforms)
		}
		seen[word] = true
		goos, goarch, _ := strings.Cut(word, "/")
		o.platforms = append(o.platforms, v1.Platform{OS: goos, Architecture: goarch})
	}
	return o, nil
}
