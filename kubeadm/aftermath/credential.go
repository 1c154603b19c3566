package aftermath

import (
	"context"
	"errors"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// shortest is the shortest life of a token that the API gives, in seconds.
const shortest int64 = 600

var errNotTaken = errors.New("the API server does not take it")

// tokens asks for a token of the account default in kube-system, which has no rights, and whether the API server takes it: so
// the keys that sign tokens fit the accounts of etcd. Neither is stored anywhere.
func (in *inspection) tokens(ctx context.Context) error {
	account := Object{Kind: "ServiceAccount", Namespace: system, Name: "default"}
	request := authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: new(int64)}}
	*request.Spec.ExpirationSeconds = shortest
	var given authenticationv1.TokenRequest
	err := post(ctx, in.rest, "/api/v1/namespaces/"+system+"/serviceaccounts/default/token", request, &given)
	if err != nil {
		return in.noToken(account, err)
	}
	review := authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: given.Status.Token}}
	var said authenticationv1.TokenReview
	if err := post(ctx, in.rest, "/apis/authentication.k8s.io/v1/tokenreviews", review, &said); err != nil {
		return in.refused(Object{Kind: "tokenreviews.authentication.k8s.io"}, "create", "whether fresh tokens are taken", err)
	}
	if said.Status.Authenticated {
		return nil
	}
	return in.noToken(account, errNotTaken)
}

// noToken tells that there is no token, or none that is good. Who may not ask for one knows nothing of that.
func (in *inspection) noToken(account Object, err error) error {
	var status apierrors.APIStatus
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		return in.refused(Object{Kind: "serviceaccounts/token"}, "create", "whether fresh tokens are taken", err)
	}
	if !errors.As(err, &status) && !errors.Is(err, errNotTaken) {
		return fmt.Errorf("ask for a token of %s: %w", account, err)
	}
	in.report.add(Finding{
		Kind: TokensRefused, Severity: Act, Object: account, What: "a fresh token of it is of no use: " + short(err),
		Next: "see whether sa.key and sa.pub of all control-plane nodes are one pair, and whether the account is there",
	})
	return nil
}

var requestList = resource{
	name: "certificatesigningrequests.certificates.k8s.io", path: "/apis/certificates.k8s.io/v1/certificatesigningrequests",
	means: "which kubelets wait for a certificate",
}

// requests finds those that nobody has approved or denied.
func (in *inspection) requests(ctx context.Context) error {
	_, err := each(ctx, in, requestList, func(o *certificatesv1.CertificateSigningRequest) {
		if len(o.Status.Conditions) > 0 {
			return
		}
		in.report.add(Finding{
			Kind: Request, Severity: Look, Object: Object{Kind: "CertificateSigningRequest", Name: o.Name},
			What: fmt.Sprintf("%s waits for a certificate of %s for %s", plain(o.Spec.Username, maxError),
				plain(o.Spec.SignerName, maxError), in.now.Sub(o.CreationTimestamp.Time).Round(time.Second)),
			Next: "approve it if who asks still waits for it: kubectl certificate approve",
		})
	})
	return err
}

// bootstrapToken is what is read of a Secret with a bootstrap token: of its data only when it ends.
type bootstrapToken struct {
	metav1.ObjectMeta `json:"metadata"`
	Data              struct {
		Expiration []byte `json:"expiration"` // RFC 3339
	} `json:"data"`
}

var bootstrapTokenList = resource{
	name: "secrets", path: "/api/v1/namespaces/" + system + "/secrets", field: "type=bootstrap.kubernetes.io/token",
	means: "which bootstrap tokens have expired",
}

func (in *inspection) bootstrapTokens(ctx context.Context) error {
	_, err := each(ctx, in, bootstrapTokenList, func(o *bootstrapToken) {
		ends, err := time.Parse(time.RFC3339, string(o.Data.Expiration))
		if err != nil || in.now.Before(ends) {
			return // without an end it does not end
		}
		in.report.add(Finding{
			Kind: BootstrapToken, Severity: Look, Object: Object{Kind: "Secret", Namespace: system, Name: o.Name},
			What: "it has expired at " + ends.UTC().Format(time.RFC3339),
			Next: "make another for nodes that are to join: kubeadm token create --print-join-command",
		})
	})
	return err
}
