package manifests

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const (
	// maxExpired is how often a list begins again at its instant before the whole dump does.
	maxExpired = 2
	// pageBytes is what a page should not exceed by much, so that no page takes the server long: it ends a request after
	// a minute.
	pageBytes = 16 << 20
	// minPage is how many objects a page has at least, however large they are.
	minPage = 10
)

// listing is one resource on its way, or one namespace of it.
type listing struct {
	Outcome
	// at is the resource version that the list is asked at.
	at string
	// foreign says that it is the resource version of another store than the dump's.
	foreign bool
	// latest says that this store knows the present only.
	latest bool
	left   int64 // about how many objects there are to come
	empty  bool  // at its resource version there is none

	next    string // the continue token of the page that comes next
	first   int    // how many objects come before that page
	handed  int    // how many were handed on
	last    Key    // the last of those
	size    int    // how many objects make a page of pageBytes, as far as is known
	broken  int    // how often that page broke
	expired int    // how often the list began again
	strange int    // objects that could not be read
	ended   bool
}

// errStartOver says that the instant of the dump, or of another store, is no more.
type errStartOver struct{ err error }

func (e *errStartOver) Error() string { return e.err.Error() }
func (e *errStartOver) Unwrap() error { return e.err }

// errReceiver is an error of the receiver, which ends the dump.
type errReceiver struct{ err error }

func (e *errReceiver) Error() string { return e.err.Error() }
func (e *errReceiver) Unwrap() error { return e.err }

// page reads one page of a list and hands its objects on. An error ends the dump or has it start over; what ends only
// the list is in its outcome.
//
// A page whose connection breaks is read again, and so is the whole list where its continue token is no longer good
// (410): at the same resource version the same objects come in the same order, and those that were handed on are passed
// over. The token that the server offers with a 410 would go on at a later moment (kubernetes/kubernetes#67284), so it
// is not looked at.
//
// The dump starts over only where its own instant is gone. A list of another store fails alone.
func (d *dump) page(ctx context.Context, l *listing) (again bool, err error) {
	before := l.handed
	meta, n, err := d.readPage(ctx, l)
	var over *errStartOver
	var end *errReceiver
	switch {
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case errors.As(err, &end):
		return false, err
	case errors.As(err, &over):
		return false, l.lose(err)
	case err == nil && meta.ResourceVersion != l.at:
		err := d.otherClock(l, meta, n, before)
		return !l.ended, err
	case err == nil:
		l.turn(meta, n)
	case apierrors.IsResourceExpired(err), apierrors.IsGone(err):
		err := l.expire(err)
		return !l.ended, err
	case broken(ctx, err) && l.broken+1 < maxBroken:
		l.broken++
		return true, pause(ctx, firstPause<<(l.broken-1))
	case l.foreign && !l.latest && l.next == "" && l.handed == 0 && !refused(err):
		l.latest = true
	default:
		l.fail(err)
	}
	return !l.ended, nil
}

// expire begins a list again whose moment or continue token the server no longer has.
func (l *listing) expire(err error) error {
	l.next, l.first = "", 0
	l.expired++
	switch {
	case l.foreign && !l.latest && l.handed == 0:
		l.latest = true // as good: nothing else is of that moment
	case l.latest && l.handed > 0, l.expired > maxExpired: // what the present begins with is of another moment by now
		return l.lose(fmt.Errorf("list %s at resource version %s: %w", l.Resource, l.at, err))
	}
	return nil
}

// lose gives up the moment that the list was of. That is the dump's instant, or the list fails.
func (l *listing) lose(err error) error {
	if l.foreign {
		l.fail(err)
		return nil
	}
	return &errStartOver{err}
}

// turn goes on to the next page.
func (l *listing) turn(meta listMeta, n int) {
	if l.at == "" && meta.Continue != "" {
		l.fail(errors.New("its pages have no resource version, which would say that they are of one moment"))
		return
	}
	l.first += n
	l.next, l.broken = meta.Continue, 0
	l.left -= int64(n)
	if meta.RemainingItemCount != nil {
		l.left = *meta.RemainingItemCount
	}
	if l.next == "" {
		l.end()
	}
}

// end says that the list is whole.
func (l *listing) end() {
	l.ended = true
	l.State, l.Objects = Listed, l.first
	if l.foreign {
		l.Clock = cmp.Or(l.at, unknownClock)
	}
	if l.strange > 0 {
		l.State = Failed // Why is the first one's
	}
}

// fail ends a list that can't be read.
func (l *listing) fail(err error) {
	l.ended = true
	l.State, l.Objects, l.Why = Failed, l.handed, sentence(err)
	if apierrors.IsForbidden(err) {
		l.State = Forbidden
	}
}

// otherClock takes a page that is not of the moment that was asked for. Servers other than kube-apiserver may know only
// the present: such a list is good if it is one page, or goes on at that moment. before is how many objects of the list
// were handed on before this page.
func (d *dump) otherClock(l *listing, meta listMeta, n, before int) error {
	if l.foreign && l.first == 0 && before == 0 {
		l.at = meta.ResourceVersion
		l.turn(meta, n)
		return nil
	}
	if !l.foreign {
		d.mu.Lock()
		d.foreign[l.scope()] = true
		d.mu.Unlock()
	}
	return l.lose(fmt.Errorf("list %s at resource version %q: the answer is of %q", l.Resource, l.at, meta.ResourceVersion))
}

// query is how the next page is asked for. The server refuses a resource version beside a continue token.
func (d *dump) query(l *listing) url.Values {
	size := l.size
	if size == 0 {
		size = d.form.firstPage
	}
	q := url.Values{"limit": {strconv.Itoa(min(size, d.pageSize()))}}
	switch {
	case l.next != "":
		q.Set("continue", l.next)
	case !l.latest:
		q.Set("resourceVersion", l.at)
		q.Set("resourceVersionMatch", "Exact")
	}
	if d.opts.LabelSelector != "" {
		q.Set("labelSelector", d.opts.LabelSelector)
	}
	return q
}

// readPage reads a page and hands on what of it was not handed on yet. It says how many objects the page has.
func (d *dump) readPage(ctx context.Context, l *listing) (listMeta, int, error) {
	response, err := d.cluster.send(ctx, d.pace, request{
		segments: l.segments(l.Namespace), query: d.query(l), accept: d.form.accept,
	})
	if err != nil {
		return listMeta{}, 0, err
	}
	defer response.Body.Close()
	w := d.workers.get()
	defer d.workers.put(w)
	body := &counter{r: response.Body}
	at := l.first
	meta, err := d.form.split(w, body, response.Header.Get("Content-Type"), func(raw []byte) error {
		at++
		return d.take(w, l, at, raw)
	})
	n := at - l.first
	if err == nil && n > 0 {
		l.size = max(minPage, int(pageBytes/(body.n/int64(n)+1)))
	}
	return meta, n, err
}

// pageSize is how many objects a page has at most.
func (d *dump) pageSize() int {
	if d.opts.PageSize > 0 {
		return d.opts.PageSize
	}
	return d.form.pageSize
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// take hands on the object at a place of its list, counted from 1.
func (d *dump) take(w *worker, l *listing, at int, raw []byte) error {
	if at < l.handed {
		return nil
	}
	object, err := d.form.object(w, raw, l.Resource, d.opts.Level)
	if err != nil {
		if at > l.handed {
			l.handed, l.last = at, Key{}
			if l.strange++; l.strange == 1 {
				l.Why = sentence(fmt.Errorf("read object %d of the list: %w", at, err))
			}
		}
		return nil
	}
	if at == l.handed {
		if object.Key != l.last && l.last != (Key{}) {
			return &errStartOver{fmt.Errorf("list %s at resource version %s again: it has %s in the place of %s",
				l.Resource, l.at, object.Key, l.last)}
		}
		return nil
	}
	l.handed, l.last = at, object.Key
	return d.hand(object)
}
