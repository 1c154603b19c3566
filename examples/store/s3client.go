package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
	"gocloud.dev/blob"
)

// prepareClient has the client of an S3 bucket tell the guards what it sends and which multipart uploads it begins, as the
// driver tells neither, and say what to do when it has no credentials.
func (l location) prepareClient(ctx context.Context, bucket *blob.Bucket) error {
	var client *s3.Client
	if !bucket.As(&client) {
		return nil
	}
	if client.Options().Region == "" {
		return errors.New("there is no region: add region=NAME to the URL, or set AWS_REGION")
	}
	found := client.Options().Credentials
	if query := l.url.Query(); !query.Has("role") && !query.Has("anonymous") {
		var err error
		if found, err = silentCredentials(ctx, query.Get("region"), query.Get("profile")); err != nil {
			return err
		}
	}
	*client = *s3.New(client.Options(), func(o *s3.Options) {
		o.HTTPClient = guardedClient{o.HTTPClient}
		if o.Credentials = found; found != nil { // or else it is for anybody
			o.Credentials = advised{found}
		}
		o.APIOptions = append(o.APIOptions, noteUploads)
	})
	return nil
}

// silentCredentials finds credentials as the driver does. Its own way writes to stderr what it tries.
func silentCredentials(ctx context.Context, region, profile string) (aws.CredentialsProvider, error) {
	found, err := config.LoadDefaultConfig(ctx,
		config.WithRegion(region), config.WithSharedConfigProfile(profile), config.WithLogger(logging.Nop{}))
	return found.Credentials, err
}

// advised says what to do when there are no credentials.
type advised struct{ aws.CredentialsProvider }

func (a advised) Retrieve(ctx context.Context) (aws.Credentials, error) {
	found, err := a.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return found, credentialsError{err}
	}
	return found, nil
}

// credentialsError is why there are no credentials.
type credentialsError struct{ err error }

func (e credentialsError) Error() string {
	why := fmt.Sprintf(" (%v)", e.err)
	if op := (*smithy.OperationError)(nil); errors.As(e.err, &op) && op.ServiceID == imds.ServiceID {
		why = "" // a machine of EC2 is asked last, when there is nothing else
	}
	return "there are no credentials for S3" + why +
		": set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give profile=NAME in the URL"
}

func (e credentialsError) Unwrap() error { return e.err }

// noteUploads tells the guard of a request which multipart upload it has begun.
func noteUploads(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("NoteUploads", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		out, meta, err := next.HandleInitialize(ctx, in)
		begun, ok := out.Result.(*s3.CreateMultipartUploadOutput)
		if g := guardOf(ctx); ok && err == nil && g != nil && begun.UploadId != nil {
			g.begun(*begun.UploadId)
		}
		return out, meta, err
	}), middleware.Before)
}

// guardedClient tells the guard of each request of every read of its body.
type guardedClient struct{ client s3.HTTPClient }

func (c guardedClient) Do(r *http.Request) (*http.Response, error) {
	if g := guardOf(r.Context()); g != nil && r.Body != nil && r.Body != http.NoBody {
		r = r.WithContext(r.Context()) // a copy: it is the caller's
		r.Body = guardedBody{r.Body, g}
	}
	return c.client.Do(r)
}

type guardedBody struct {
	io.ReadCloser
	guard *guard
}

func (b guardedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.guard.sent()
	return n, err
}
