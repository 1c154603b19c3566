package manifests

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	jsonType = "application/json"
	// maxStatus bounds the body of an error.
	maxStatus = 1 << 20
	// maxTries is how often a request is sent that the server puts off: as often as client-go does.
	maxTries = 10
	// maxBroken is how often something is asked for whose answer breaks off.
	maxBroken = 3
	// firstPause is the wait after a broken connection. The next one is twice as long.
	firstPause = 500 * time.Millisecond
	// maxPause bounds what the server may ask for in Retry-After.
	maxPause = time.Minute
)

// request is one request to the API server.
type request struct {
	method      string // empty is GET
	segments    []string
	query       url.Values
	accept      string // empty is JSON
	contentType string
	body        []byte
	etag        string
}

// pace is how requests are sent.
type pace struct {
	limit *limiter
	stall time.Duration
}

// send sends a request, again where the server puts it off (429, or Retry-After). The caller closes the body of the
// response, whose status is 200, 201, or 304 for an etag. What the server refuses is a [apierrors.StatusError].
func (c *Cluster) send(ctx context.Context, p pace, r request) (*http.Response, error) {
	for try := 1; ; try++ {
		if err := p.limit.wait(ctx); err != nil {
			return nil, err
		}
		response, err := c.once(ctx, p, r)
		if err == nil {
			return response, nil
		}
		wait, again := putOff(err, try)
		if !again || ctx.Err() != nil {
			return nil, err
		}
		if err := pause(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// putOff says whether a request is to be sent again after err, and when.
func putOff(err error, try int) (time.Duration, bool) {
	var status *apierrors.StatusError
	if !errors.As(err, &status) {
		return 0, false
	}
	code := status.Status().Code
	seconds, asked := apierrors.SuggestsClientDelay(err)
	if try >= maxTries || code != http.StatusTooManyRequests && (!asked || code < http.StatusInternalServerError) {
		return 0, false
	}
	return min(max(time.Duration(seconds)*time.Second, firstPause), maxPause), true
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// once sends a request once.
func (c *Cluster) once(ctx context.Context, p pace, r request) (*http.Response, error) {
	ctx, watch := watched(ctx, p.stall)
	method := r.method
	if method == "" {
		method = http.MethodGet
	}
	u := c.url(r.query, r.segments...)
	hr, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(r.body))
	if err != nil {
		watch.end()
		return nil, err
	}
	hr.Header.Set("Accept", r.accept)
	if r.accept == "" {
		hr.Header.Set("Accept", jsonType)
	}
	if r.contentType != "" {
		hr.Header.Set("Content-Type", r.contentType)
	}
	if r.etag != "" {
		hr.Header.Set("If-None-Match", r.etag)
	}
	response, err := c.client.Do(hr)
	watch.rest()
	if err != nil {
		defer watch.end()
		var at *url.Error
		if errors.As(err, &at) {
			err = at.Err // the path says less than what was being done
		}
		return nil, fmt.Errorf("reach %s: %w", c.base.Host, watch.cause(ctx, err))
	}
	response.Body = &watchedBody{response.Body, ctx, watch}
	switch response.StatusCode {
	case http.StatusOK, http.StatusCreated, http.StatusNotModified:
		return response, nil
	}
	defer response.Body.Close()
	return nil, statusOf(response)
}

// statusOf reads the error that the server sent.
func statusOf(response *http.Response) error {
	after, _ := strconv.Atoi(response.Header.Get("Retry-After"))
	body, err := io.ReadAll(io.LimitReader(response.Body, maxStatus))
	var status metav1.Status
	if err == nil && json.Unmarshal(body, &status) == nil && status.Kind == "Status" && status.Status == metav1.StatusFailure {
		status.Code = int32(response.StatusCode)
		if after > 0 {
			if status.Details == nil {
				status.Details = new(metav1.StatusDetails)
			}
			status.Details.RetryAfterSeconds = int32(after)
		}
		return &apierrors.StatusError{ErrStatus: status}
	}
	text := string(bytes.TrimSpace(body[:min(len(body), 256)]))
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status:  metav1.StatusFailure,
		Code:    int32(response.StatusCode),
		Reason:  reasons[response.StatusCode],
		Message: fmt.Sprintf("%s: %s", response.Status, text),
		Details: &metav1.StatusDetails{RetryAfterSeconds: int32(after)},
	}}
}

// reasons are those of a status code alone, as proxies before an API server send it.
var reasons = map[int]metav1.StatusReason{
	http.StatusUnauthorized: metav1.StatusReasonUnauthorized,
	http.StatusForbidden:    metav1.StatusReasonForbidden,
	http.StatusNotFound:     metav1.StatusReasonNotFound,
	http.StatusGone:         metav1.StatusReasonExpired,
}

// read gives the whole body of an answer of at most limit bytes.
func (c *Cluster) read(ctx context.Context, p pace, r request, limit int64) (body []byte, header http.Header, err error) {
	err = retry(ctx, func() error {
		response, err := c.send(ctx, p, r)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		header = response.Header
		if body, err = io.ReadAll(io.LimitReader(response.Body, limit+1)); err == nil && int64(len(body)) > limit {
			return &tooLargeError{int(limit)}
		}
		return err
	})
	return body, header, err
}

// retry does something up to three times if an answer breaks off.
func retry(ctx context.Context, do func() error) error {
	for try := 1; ; try++ {
		err := do()
		if err == nil || !broken(ctx, err) || try == maxBroken {
			return err
		}
		if err := pause(ctx, firstPause<<(try-1)); err != nil {
			return err
		}
	}
}

// broken reports whether an answer broke off: its bytes, or the connection that they came on.
func broken(ctx context.Context, err error) bool {
	var status *apierrors.StatusError
	var large *tooLargeError
	return ctx.Err() == nil && !errors.As(err, &status) && !errors.As(err, &large) && !errors.Is(err, errStalled)
}
