package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

// outlets are where else than on the screen a backup says how it went.
type outlets struct {
	metrics, gateway string
	events           bool
}

// telling is how long all outlets together may take.
const telling = 30 * time.Second

func (o *outlets) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.metrics, "metrics-file", "", "a `FILE` for node_exporter's textfile collector")
	f.StringVar(&o.gateway, "pushgateway", "", "a `URL` of a Pushgateway for the same metrics")
	f.BoolVar(&o.events, "events", false, "an Event about the node, as kubectl describe shows")
}

func (o *outlets) check() error {
	if o.gateway == "" {
		return nil
	}
	u, err := url.Parse(o.gateway)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("--pushgateway %.100q is no URL: give one such as http://pushgateway:9091", o.gateway)
	}
	return nil
}

// tell tells all outlets, also of a run that was interrupted. One that can't be told does not spoil a backup.
func (b *backing) tell(ctx context.Context, now time.Time) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), telling)
	defer cancel()
	var errs []error
	if b.outlets.metrics != "" {
		if err := b.result.writeMetrics(b.outlets.metrics, now); err != nil {
			errs = append(errs, fmt.Errorf("--metrics-file: %w", err))
		}
	}
	if b.outlets.gateway != "" {
		if err := b.result.pushMetrics(ctx, b.outlets.gateway, now); err != nil {
			errs = append(errs, fmt.Errorf("--pushgateway: %w", err))
		}
	}
	if b.outlets.events && b.api != nil {
		if err := b.result.sendEvent(ctx, b.api.Config, now); err != nil {
			errs = append(errs, fmt.Errorf("--events: %w", err))
		}
	}
	return errors.Join(errs...)
}
