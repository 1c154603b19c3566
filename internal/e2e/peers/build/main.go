// Command build builds every program of package peers that the cache lacks, and prints what each one took. A test
// run that follows it spends none of its time limit on building.
//
//	go run ./peers/build
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/clustersnap/clustersnap/internal/e2e/peers"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends at once
	for p := range peers.All() {
		start := time.Now()
		if _, err := p.Build(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Printf("%-32v %6.1f s\n", p, time.Since(start).Seconds())
	}
}
