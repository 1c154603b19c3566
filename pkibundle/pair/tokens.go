package pair

import (
	"crypto"
	"errors"
	"fmt"
	"slices"

	"github.com/clustersnap/clustersnap/pkibundle"
	"github.com/clustersnap/clustersnap/pkibundle/internal/material"
)

// tokenType is that of a Secret which kube-controller-manager fills with a token of a service account.
const tokenType = "kubernetes.io/service-account-token"

// tokens are the public keys of service accounts in the bundle, and how the tokens of the snapshot compare with them.
type tokens struct {
	path string
	keys []crypto.PublicKey
	err  error   // why there are none
	pair *Result // of a private key that is not of them; nil if there is none

	good, odd, unread     int
	goodOne, oddOne       string // the first of each, with its namespace
	unreadOne, unreadable string // the first that cannot be read, and why
}

func newTokens(public, private []pkibundle.File) tokens {
	var t tokens
	files := public
	if len(files) == 0 { // one file of a private key can be for both
		files = private
	}
	if len(files) == 0 {
		t.err = errors.New("the bundle has no public key of service accounts")
	}
	for i, f := range files {
		if i > 0 {
			t.path += " and "
		}
		t.path += f.Path
		found, err := material.PublicKeys(f.Data)
		if err != nil {
			t.err = fmt.Errorf("%s cannot be read: %w", f.Path, err)
		}
		t.keys = append(t.keys, found...)
	}
	for _, f := range private {
		t.hold(f)
	}
	return t
}

// hold holds a private key against the public ones. Of several files one that is not of them is enough to say so.
func (t *tokens) hold(f pkibundle.File) {
	key, err := material.PrivateKey(f.Data)
	switch {
	case t.err != nil:
	case err != nil:
		t.pair = &Result{ServiceAccountKey, NotCheckable, fmt.Sprintf("%s cannot be read: %v", f.Path, err)}
	case !slices.ContainsFunc(t.keys, func(k crypto.PublicKey) bool { return material.Same(k, key.Public()) }):
		t.pair = &Result{ServiceAccountKey, Mismatch, fmt.Sprintf(
			"%s is another key than in %s, so tokens that it signs are refused", f.Path, t.path)}
	}
}

// see takes in a Secret, of which err says why it could not be decrypted.
func (t *tokens) see(name string, object []byte, err error) {
	secret, err := decode(object, err, "Secret")
	if err != nil {
		if t.unread++; t.unread == 1 {
			t.unreadOne, t.unreadable = printable(name), err.Error()
		}
		return
	}
	token := secret.data["token"]
	if secret.kind != tokenType || len(token) == 0 { // an empty one waits for kube-controller-manager
		return
	}
	if signed(token, t.keys) {
		if t.good++; t.good == 1 {
			t.goodOne = printable(name)
		}
	} else if t.odd++; t.odd == 1 {
		t.oddOne = printable(name)
	}
}

// result is nil if the snapshot has no token.
func (t *tokens) result() *Result {
	say := func(state State, format string, args ...any) *Result {
		return &Result{ServiceAccountKey, state, fmt.Sprintf(format, args...)}
	}
	switch {
	case t.err != nil:
		return say(NotCheckable, "%v", t.err)
	case t.good > 0 && t.odd > 0:
		return say(Match, "with %s %s of service accounts can be verified, such as that in Secret %s; "+
			"but %d more cannot, such as that in Secret %s", t.path, many(t.good, "token"), t.goodOne, t.odd, t.oddOne)
	case t.good > 0:
		return say(Match, "with %s %s of service accounts can be verified, which is all, such as that in Secret %s",
			t.path, many(t.good, "token"), t.goodOne)
	case t.odd > 0:
		return say(Mismatch, "with %s none of %s of service accounts can be verified, such as that in Secret %s: "+
			"another key has signed", t.path, many(t.odd, "token"), t.oddOne)
	case t.unread > 0:
		return say(NotCheckable, "no token of a service account was found, but %s cannot be read, such as %s: %s",
			many(t.unread, "Secret"), t.unreadOne, t.unreadable)
	}
	return nil
}
