package restore

import (
	"context"
	"errors"
	"fmt"
	"path"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
)

const (
	kubeSystem      = "/api/v1/namespaces/kube-system"
	serviceAccounts = kubeSystem + "/serviceaccounts"
	tokenReviews    = "/apis/authentication.k8s.io/v1/tokenreviews"
)

// clusterUID is the uid of kube-system, which is a cluster's identity.
func clusterUID(ctx context.Context, a *api) (string, error) {
	var ns corev1.Namespace
	if err := a.get(ctx, kubeSystem, &ns); err != nil {
		return "", err
	}
	return string(ns.UID), nil
}

// startAPI starts kube-apiserver, and holds it against what was staged.
func (m *machine) startAPI(ctx context.Context) (line, error) {
	if err := m.fenced(controllerManager, scheduler); err != nil {
		return line{}, err
	}
	for _, one := range m.plan.pods() {
		if one.program == apiServer {
			if exists(m.held(one)) { // after that members may have joined
				if err := m.plan.alone(ctx, m.was.Members); err != nil {
					return line{}, err
				}
			}
			if err := m.putIn(one); err != nil {
				return line{}, err
			}
		}
	}
	a, err := m.dialAPI(m.plan)
	if err != nil {
		return line{}, err
	}
	if err := m.wait(ctx, "kube-apiserver to be ready", a.ready); err != nil {
		return line{}, err
	}
	var result line
	err = m.asked(ctx, func(ctx context.Context) (err error) {
		result, err = m.apiIsStaged(ctx, a)
		return err
	})
	return result, err
}

// apiIsStaged reads the cluster's identity, what is encrypted at rest, and what the keys of service accounts are for.
func (m *machine) apiIsStaged(ctx context.Context, a *api) (line, error) {
	uid, err := clusterUID(ctx, a)
	if err != nil {
		return line{}, fmt.Errorf("read namespace kube-system: %w", err)
	}
	if want := m.staged().ClusterUID; uid != want {
		return line{}, fmt.Errorf("kube-system has uid %s, and that of the snapshot is %s: etcd is not the restored one", uid, want)
	}
	var result line
	var secrets corev1.SecretList
	if err := a.first(ctx, "/api/v1/secrets", &secrets); err != nil {
		return line{}, fmt.Errorf("read a Secret: %w: is the encryption configuration the one of the snapshot?", err)
	}
	if len(secrets.Items) == 0 {
		result.Notes = append(result.Notes, "the cluster has no Secret: whether those can be decrypted is not known")
	}
	tried, err := reviewToken(ctx, a)
	if err != nil {
		return line{}, err
	}
	if !tried {
		result.Notes = append(result.Notes, "kube-system has no service account: whether their tokens are taken is not known")
	}
	return result, nil
}

// reviewToken has a new token of some service account reviewed, if there is one.
func reviewToken(ctx context.Context, a *api) (tried bool, err error) {
	var accounts corev1.ServiceAccountList
	if err := a.first(ctx, serviceAccounts, &accounts); err != nil {
		return false, fmt.Errorf("list service accounts: %w", err)
	}
	if len(accounts.Items) == 0 {
		return false, nil
	}
	name := accounts.Items[0].Name
	var request authenticationv1.TokenRequest
	if err := a.create(ctx, path.Join(serviceAccounts, name, "token"), &request, &request); err != nil {
		return false, fmt.Errorf("get a token of service account %s: %w", name, err)
	}
	review := authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: request.Status.Token}}
	if err := a.create(ctx, tokenReviews, &review, &review); err != nil {
		return false, fmt.Errorf("have a token reviewed: %w", err)
	}
	if !review.Status.Authenticated {
		return false, errors.New("kube-apiserver does not take its own new token: sa.key and sa.pub are no pair")
	}
	return true, nil
}
