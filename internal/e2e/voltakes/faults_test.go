package voltakes

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/clustersnap/clustersnap/internal/e2e/csibed/driver"
	"github.com/clustersnap/clustersnap/volsnap"
)

// driverFails is a driver that refuses until the time of the run is over. Another call goes on.
func driverFails(p *place) {
	p.fill("driverfails", p.Drivers[0], "data")
	c, _ := p.cluster()
	plan := p.plan(c, "driverfails")
	d := p.Drivers[0]
	ctx, cancel := context.WithCancel(p.ctx)
	d.Set(driver.Temper{FailCreate: func(string, string) error {
		time.AfterFunc(time.Second, cancel) // the sidecar has to write it down
		return status.Error(codes.Internal, "the disk array is on fire")
	}})
	short := *p
	short.ctx = ctx
	short.failsWith(c, plan, volsnap.TakeOptions{Run: "fails"}, volsnap.CauseDriverError, 1)
	d.Set(driver.Temper{})
	// The driver may have cut it before the pod rests, and no later call can tell.
	p.pod("driverfails", "db", "data")
	for range 2 {
		account, err := c.Take(p.ctx, plan, volsnap.TakeOptions{
			Run: "fails", Quiesce: func(context.Context, string, string) (func(context.Context) error, error) {
				return func(context.Context) error { return nil }, nil
			},
		})
		must(p, err)
		r := account.Volumes[0]
		if r.Outcome != volsnap.Snapshotted || !r.Snapshot.Pinned || len(r.Lacking) != 1 || account.Complete() == nil {
			p.Errorf("another call gives %+v, want it pinned, and that nobody knows whether the pod was at rest", r)
		}
	}
}

// tooLong is a driver that does not cut in the time of a rest: the pod is thawed, and no snapshot of it is kept.
func tooLong(p *place) {
	p.fill("toolong", p.Drivers[0], "data")
	p.pod("toolong", "db", "data")
	c, _ := p.cluster()
	plan := p.plan(c, "toolong")
	p.Drivers[0].Set(driver.Temper{FailCreate: func(string, string) error { return status.Error(codes.Internal, "busy") }})
	defer p.Drivers[0].Set(driver.Temper{})
	thawed := false
	p.failsWith(c, plan, volsnap.TakeOptions{
		Run: "toolong", CutLimit: time.Second, Quiesce: func(context.Context, string, string) (func(context.Context) error, error) {
			return func(ctx context.Context) error { thawed = true; return ctx.Err() }, nil
		},
	}, volsnap.CauseTooLong, 0)
	if !thawed {
		p.Error("the pod was not thawed")
	}
}

// panics is a hook that panics while another unit's pod is at rest: both thaw first.
func panics(p *place) {
	p.fill("panics", p.Drivers[0], names(2)...)
	p.pod("panics", "good", "data-0")
	p.pod("panics", "bad", "data-1")
	c, _ := p.cluster()
	plan := p.plan(c, "panics")
	rested, thawed := make(chan struct{}), 0
	func() {
		defer func() {
			if text, _ := recover().(string); !strings.Contains(text, "the hook") {
				p.Errorf("the panic is %q", text)
			}
		}()
		_, err := c.Take(p.ctx, plan, volsnap.TakeOptions{
			Run: "panics", InFlight: 2, Quiesce: func(ctx context.Context, _, pod string) (func(context.Context) error, error) {
				if pod == "bad" {
					<-rested
					panic("the hook has a bug")
				}
				close(rested)
				<-ctx.Done() // and the run is over before the first create
				return func(ctx context.Context) error { thawed++; return ctx.Err() }, nil
			},
		})
		p.Errorf("the run has ended with %v", err)
	}()
	if thawed != 1 {
		p.Errorf("thawed %d times, want once", thawed)
	}
}
