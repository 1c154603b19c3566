package main

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// credentials are what a client shows an API server, and whose they are, to be told.
type credentials struct {
	rest.TLSClientConfig
	whose string
}

// refused has an answer of 401 say more. It stays one: who can renew credentials does so after it, and asks again.
func (c credentials) refused(answer *http.Response, now time.Time) error {
	status := metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure,
		Code: http.StatusUnauthorized, Reason: metav1.StatusReasonUnauthorized,
		Message: fmt.Sprintf("the API server does not take the credentials of %s: %s", c.whose, c.why(now)),
	}
	text, err := json.Marshal(status)
	if err != nil {
		return err
	}
	answer.Body.Close()
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	answer.Header = http.Header{"Content-Type": {"application/json"}}
	return nil
}

// why is the reason for a refusal, as far as it shows here, and the next step.
func (c credentials) why(now time.Time) string {
	text := c.CertData
	if len(text) == 0 {
		text, _ = os.ReadFile(c.CertFile) // which was read before, or there is none
	}
	if block, _ := pem.Decode(text); block != nil {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err == nil && now.After(cert.NotAfter) {
			return fmt.Sprintf("the client certificate expired on %s: renew it, as by \"kubeadm certs renew\", or give another "+
				"--kubeconfig", cert.NotAfter.Format(time.DateOnly))
		}
	}
	return "they have expired, or are of another cluster: give another --kubeconfig"
}
