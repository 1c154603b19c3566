package restore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// portState is what is known of a port.
type portState int

const (
	silent portState = iota // nothing came, as from a machine without power
	closed                  // the machine says that nobody listens
	listens
)

// ask tries a host and port, for no longer than [askLimit]. The error is that this machine could not ask.
func ask(ctx context.Context, host string) (portState, error) {
	dialer := net.Dialer{Timeout: askLimit}
	conn, err := dialer.DialContext(ctx, "tcp", host)
	if err == nil {
		return listens, conn.Close()
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return closed, nil
	}
	timeout := net.Error(nil)
	// Not ENETUNREACH: this machine has no way there, and knows nothing.
	nobody := errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, syscall.EHOSTUNREACH)
	if nobody && ctx.Err() == nil {
		return silent, nil
	}
	return silent, fmt.Errorf("ask whether somebody listens at %s: %w", host, err)
}
