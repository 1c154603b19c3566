package restore

import (
	"context"
	"errors"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// asked asks a kube-apiserver that has just started until it is not in the way of the answer itself.
func (m *machine) asked(ctx context.Context, question func(context.Context) error) error {
	return m.wait(ctx, "kube-apiserver to answer", func(ctx context.Context) error {
		err := question(ctx)
		if err == nil || passes(err) {
			return err
		}
		return &fatalError{err}
	})
}

// passes reports whether an error is of the moment. That a Secret can't be decrypted is an internal error, which stays.
func passes(err error) bool {
	return apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsServerTimeout(err) ||
		apierrors.IsTimeout(err) || utilnet.IsTimeout(err) || errors.Is(err, context.DeadlineExceeded) || ofEtcd(err) ||
		utilnet.IsConnectionRefused(err) || utilnet.IsConnectionReset(err) || utilnet.IsProbableEOF(err)
}

// ofEtcd reports whether etcd could not answer kube-apiserver in time (server/etcdserver/errors in etcd-io/etcd).
func ofEtcd(err error) bool {
	text := err.Error()
	return strings.Contains(text, "etcdserver: request timed out") || strings.Contains(text, "etcdserver: leader changed")
}
