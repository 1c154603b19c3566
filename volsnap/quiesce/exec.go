package quiesce

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"
)

// ExitError is a command that ran, and ended with another code than 0.
type ExitError struct {
	Code int
	// Output is what the command printed. It is not in the error's text: hooks are known to print passwords.
	Output Output
}

// Error says the code alone.
func (e *ExitError) Error() string { return fmt.Sprintf("the command ended with code %d", e.Code) }

// Exec runs a command in a container ("" is the first one), without a shell unless it is one, and returns what it printed.
// It needs the right to create pods/exec, and for the newer way through a WebSocket to get pods/exec, too.
//
// When ctx ends, Exec does. The command does not: neither Kubernetes nor the container runtimes end it with its connection.
//
// A command that ended with another code than 0 is an [*ExitError]. The command is in no error: there are passwords in hooks.
func (p *Pod) Exec(ctx context.Context, container string, command ...string) (Output, error) {
	container, err := p.container(container)
	if err != nil {
		return Output{}, fmt.Errorf("exec in pod %s/%s: %w", p.Namespace, p.Name, err)
	}
	if err := checkCommand(command); err != nil {
		return Output{}, fmt.Errorf("exec in pod %s/%s: %w", p.Namespace, p.Name, err)
	}
	at, err := p.execURL(container, command)
	if err != nil {
		return Output{}, fmt.Errorf("exec in pod %s/%s: %w", p.Namespace, p.Name, err)
	}
	var out, errs bounded
	err = stream(ctx, p.cluster.Config(), at, remotecommand.StreamOptions{Stdout: &out, Stderr: &errs})
	output := Output{Stdout: out.text(), Stderr: errs.text(), Cut: out.cut() || errs.cut()}
	if err == nil {
		return output, nil
	}
	var code utilexec.CodeExitError
	switch {
	case errors.As(err, &code):
		err = &ExitError{Code: code.Code, Output: output}
	case ctx.Err() != nil:
		err = fmt.Errorf("no answer in time, and the command may go on: %w", context.Cause(ctx))
	}
	return output, fmt.Errorf("exec in pod %s/%s, container %s: %w", p.Namespace, p.Name, container, withoutQuery(err, at))
}

// execURL is where the API server takes a command (k8s.io/api/core/v1, PodExecOptions).
func (p *Pod) execURL(container string, command []string) (*url.URL, error) {
	config := p.cluster.Config()
	config.APIPath, config.GroupVersion = "/api", &corev1.SchemeGroupVersion
	at, version, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	at = at.JoinPath(version, "namespaces", p.Namespace, "pods", p.Name, "exec")
	at.RawQuery = url.Values{
		"container": {container}, "command": command, "stdout": {"true"}, "stderr": {"true"},
	}.Encode()
	return at, nil
}

// stream runs the command of at through a WebSocket, or through SPDY where the server or a proxy does not have that. A
// refusal of the server has its status, as errors of client-go have elsewhere (k8s.io/apimachinery/pkg/api/errors).
func stream(ctx context.Context, config *rest.Config, at *url.URL, streams remotecommand.StreamOptions) error {
	var answered status
	config.Wrap(answered.see)
	socket, err := remotecommand.NewWebSocketExecutor(config, "GET", at.String())
	if err != nil {
		return err
	}
	spdy, err := remotecommand.NewSPDYExecutor(config, "POST", at)
	if err != nil {
		return err
	}
	either, err := remotecommand.NewFallbackExecutor(socket, spdy, notUpgraded)
	if err != nil {
		return err
	}
	// While it connects, the WebSocket client knows the deadline of a context, but not its cancellation: then its connection
	// is left to end when the server answers.
	ended := make(chan error, 1)
	go func() { ended <- either.StreamWithContext(ctx, streams) }()
	select {
	case err := <-ended:
		return answered.of(err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// status is the code of the last answer of a server that refused. With client-go v0.37 the error for SPDY has only a text.
type status struct{ code atomic.Int32 }

// see is for [rest.Config.Wrap].
func (s *status) see(next http.RoundTripper) http.RoundTripper {
	return tripper(func(r *http.Request) (*http.Response, error) {
		answer, err := next.RoundTrip(r)
		if err == nil {
			s.code.Store(int32(answer.StatusCode))
		}
		return answer, err
	})
}

// of gives err the code, if it is that of a refusal.
func (s *status) of(err error) error {
	code := s.code.Load()
	var has apierrors.APIStatus
	if err == nil || code < http.StatusBadRequest || errors.As(err, &has) {
		return err
	}
	return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: code, Message: err.Error()}}
}

type tripper func(*http.Request) (*http.Response, error)

func (t tripper) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// notUpgraded reports whether the server answered the request for a WebSocket with something else, so that no command ran. The
// type of that error has moved between client-go v0.34 (k8s.io/apimachinery) and v0.37 (k8s.io/streaming): with the old
// one's function, which kubectl has used, newer errors aren't found. The text is the same in both. The other text is that of
// kubectl: the WebSocket client knows no proxies behind https.
func notUpgraded(err error) bool {
	return strings.Contains(err.Error(), "unable to upgrade streaming request") ||
		strings.Contains(err.Error(), "proxy: unknown scheme: https")
}

// withoutQuery is err without the command, which an error of a connection shows as part of its URL.
func withoutQuery(err error, at *url.URL) error {
	if text := err.Error(); strings.Contains(text, at.RawQuery) {
		return errors.New(strings.ReplaceAll(text, "?"+at.RawQuery, ""))
	}
	return err
}
