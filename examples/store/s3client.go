package store

import (
	"context"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	"gocloud.dev/blob"
)

// guardClient has the client of an S3 bucket tell the guards what it sends and which multipart uploads it begins: the driver
// tells neither.
func guardClient(bucket *blob.Bucket) {
	var client *s3.Client
	if !bucket.As(&client) {
		return
	}
	*client = *s3.New(client.Options(), func(o *s3.Options) {
		o.HTTPClient = guardedClient{o.HTTPClient}
		o.APIOptions = append(o.APIOptions, noteUploads)
	})
}

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
