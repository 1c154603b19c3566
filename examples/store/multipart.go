package store

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// pagesMost is how many pages of uploads are read, of a thousand each.
const pagesMost = objectsMost / 1000

// unfinished lists the multipart uploads of sets and receipts in the folder that have not come to their end, where there are
// such things.
func (s *Store) unfinished(ctx context.Context) (found []Leftover, err error) {
	var client *s3.Client
	if !s.bucket.As(&client) {
		return nil, nil
	}
	ctx, guard := watch(ctx, s.stall)
	defer guard.end()
	bucket, prefix := s.url.Host, s.prefix
	slash := "/" // what is in folders of the folder is nobody's concern
	in := &s3.ListMultipartUploadsInput{Bucket: &bucket, Prefix: &prefix, Delimiter: &slash}
	for range pagesMost {
		page, err := client.ListMultipartUploads(ctx, in)
		if err != nil {
			return nil, guard.why(err)
		}
		guard.moved()
		for _, u := range page.Uploads {
			if u.Key == nil || u.UploadId == nil || u.Initiated == nil {
				return nil, errors.New("the server lists an upload without its key, its id or its time")
			}
			name, ok := strings.CutPrefix(*u.Key, s.prefix)
			if ok && checkName(strings.TrimSuffix(name, receiptExtension)) == nil {
				found = append(found, Leftover{Kind: Parts, Name: name, Time: *u.Initiated, upload: *u.UploadId})
			}
		}
		if page.IsTruncated == nil || !*page.IsTruncated {
			return found, nil
		}
		if page.NextKeyMarker == nil {
			break
		}
		in.KeyMarker, in.UploadIdMarker = page.NextKeyMarker, page.NextUploadIdMarker
	}
	return nil, errors.New("the server's list of uploads does not end")
}

// abort ends a multipart upload, so that its parts go. One that is gone is no error.
func (s *Store) abort(ctx context.Context, l Leftover) error {
	var client *s3.Client
	if !s.bucket.As(&client) {
		return errors.New("the store has no multipart uploads")
	}
	ctx, guard := watch(ctx, s.stall)
	defer guard.end()
	bucket, key := s.url.Host, s.prefix+l.Name
	_, err := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: &key, UploadId: &l.upload})
	if api := smithy.APIError(nil); errors.As(err, &api) && api.ErrorCode() == "NoSuchUpload" {
		return nil
	}
	return guard.why(err)
}
