package store

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/smithy-go"
	"gocloud.dev/gcerrors"
)

// serverError is what went wrong between here and a server, as one short sentence: a driver and its library each add words of
// their own, of which none says what to do.
type serverError struct {
	text string
	err  error
}

func (e serverError) Error() string { return e.text }
func (e serverError) Unwrap() error { return e.err }

const denied = "the server denies access: have these credentials allowed to list, read and write there"

// refusals are what an S3 server answers to who it does not know or does not let in, and what that means.
var refusals = map[string]string{
	"AccessDenied":          denied,
	"Forbidden":             denied, // where an answer has no body
	"ExpiredToken":          "the credentials have expired: get new ones",
	"InvalidAccessKeyId":    "the server does not know the access key: correct AWS_ACCESS_KEY_ID, or the profile",
	"NoSuchBucket":          "there is no such bucket: correct the URL, or make one that is for sets only",
	"PermanentRedirect":     "the bucket is in another region: give that as region=NAME in the URL",
	"SignatureDoesNotMatch": "the secret key is another one than the server has: correct AWS_SECRET_ACCESS_KEY, or the profile",
}

// short says of an error of a server what happened, where, and what to look at. That an object is not there is no such error.
func short(err error) error {
	if errors.As(err, new(serverError)) {
		return err
	}
	if answer := (smithy.APIError)(nil); errors.As(err, &answer) {
		text, known := refusals[answer.ErrorCode()]
		if !known && gcerrors.Code(err) != gcerrors.NotFound {
			said := strings.TrimSuffix(answer.ErrorMessage(), ".")
			text = fmt.Sprintf("the server answers %s: %s: look at the URL and the credentials", answer.ErrorCode(), said)
		}
		if text != "" {
			return serverError{text, err}
		}
	}
	sent := (*url.Error)(nil)
	if !errors.As(err, &sent) {
		return err
	}
	at, unread := url.Parse(sent.URL)
	if unread != nil {
		return err
	}
	const next = "does the store run, and is that its address?"
	return serverError{fmt.Sprintf("reach %s://%s: %v: %s", at.Scheme, at.Host, sent.Err, next), err}
}
