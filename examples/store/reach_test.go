package store

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"testing"
	"time"
)

// What a server answers is said in a sentence with what to do, and without the words of all that it came through.
func TestAnswers(t *testing.T) {
	const there = "s3://b/f/: "
	for name, c := range map[string]struct {
		status     int
		code, text string
		want       string
	}{
		"no bucket": {404, "NoSuchBucket", "none", there + refusals["NoSuchBucket"]},
		"no rights": {403, "AccessDenied", "Access Denied.", there + denied},
		"other key": {403, "SignatureDoesNotMatch", "no", there + refusals["SignatureDoesNotMatch"]},
		"of its own": {
			418, "Teapot", "I am one.", there + "the server answers Teapot: I am one: look at the URL and the credentials",
		},
	} {
		s := served(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			fmt.Fprintf(w, `<Error><Code>%s</Code><Message>%s</Message></Error>`, c.code, c.text)
		})
		if _, err := s.List(t.Context()); err == nil || err.Error() != "list "+c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// A server that says of an object that it is not there, and no more, is one whose bucket is.
func TestNoSet(t *testing.T) {
	s := served(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	_, err := s.Receipt(t.Context(), "a.clustersnap")
	const want = "s3://b/f/a.clustersnap: there is no such set: clustersnap list shows those that there are"
	if !errors.Is(err, fs.ErrNotExist) || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
