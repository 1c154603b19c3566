package apply

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clustersnap/clustersnap/manifests"
)

// secret is a Secret with each kind of value that a server may repeat.
func secret(t *testing.T) *item {
	return &item{
		Step: Step{Key: manifests.Key{Resource: "secrets", Name: "one"}},
		body: parse(t, `{"data":{"a":"c3dvcmRmaXNo","b":"bm90IGJhc2U2NCBmb3IgbG9uZyBsaW5l","n":123456,"s":"eHk="},`+
			`"stringData":{"t":"two\nlines of text"}}`),
	}
}

func TestNoValueOfASecretIsShown(t *testing.T) {
	it := secret(t)
	for _, text := range []string{
		"denied: swordfish is weak", "got c3dvcmRmaXNo", "without padding: c3dvcmRmaXNo.", "&{not base64 for long line}",
		"expected string, got &{123456}", "two\nlines of text", "data is two lines of text!",
	} {
		got := it.sentence(errors.New(text))
		for _, value := range []string{"swordfish", "c3dvcmRmaXNo", "base64 for", "123456", "lines of"} {
			if strings.Contains(got, value) {
				t.Errorf("%q becomes %q", text, got)
			}
		}
		if !strings.Contains(got, "***") {
			t.Errorf("%q becomes %q, which does not say that something is missing", text, got)
		}
	}
	if got := it.sentence(errors.New("the type xy is immutable")); got != "the type xy is immutable" {
		t.Errorf("short values take words apart: %q", got)
	}
	other := &item{Step: Step{Key: manifests.Key{Resource: "configmaps"}}, body: it.body}
	if got := other.sentence(errors.New("swordfish")); got != "swordfish" {
		t.Errorf("of another kind it says %q", got)
	}
}

func TestNoValueThatTheClusterHasIsShown(t *testing.T) {
	it := secret(t)
	it.resource = manifests.Resource{Version: "v1", Resource: "secrets", Kind: "Secret", Namespaced: true}
	live := &unstructured.Unstructured{Object: parse(t, `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"one"},`+
		`"data":{"a":"cmFpbmJvd3M="}}`)}
	if err := it.keep(live); err != nil {
		t.Fatal(err)
	}
	got := it.sentence(errors.New("denied: rainbows may not become swordfish"))
	if want := "denied: *** may not become ***"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}

func TestSentencesAreShortLines(t *testing.T) {
	for _, text := range []string{"a\n\tb  c\r\n", strings.Repeat("ä", maxWhy), "\xff" + strings.Repeat("x ", 2*maxWhy)} {
		got := sentence(errors.New(text))
		if strings.ContainsAny(got, "\n\t\r") || len(got) > maxWhy+3 || !utf8.ValidString(got) {
			t.Errorf("%.20q becomes %q", text, got)
		}
	}
}

func TestAddressesAreLeftOut(t *testing.T) {
	at := &url.Error{Op: "Post", URL: "https://10.0.0.1/api?timeout=90s", Err: errors.New("connection refused")}
	err := fmt.Errorf("write: %w", at)
	if got := sentence(err); got != "reach the API server: connection refused" {
		t.Errorf("it says %q", got)
	}
}

func TestConflicts(t *testing.T) {
	cause := func(manager, field string) metav1.StatusCause {
		return metav1.StatusCause{
			Type: metav1.CauseTypeFieldManagerConflict, Field: field, Message: `conflict with "` + manager + `" using apps/v1`,
		}
	}
	var err error = apierrors.NewApplyConflict([]metav1.StatusCause{
		cause("kubectl", ".spec.replicas"), cause("kubectl", ".a"), cause("hpa", ".b"),
	}, "3 conflicts")
	fields, managers := conflicts(err)
	if !slices.Equal(fields, []string{"spec.replicas", "a", "b"}) || !slices.Equal(managers, []string{"kubectl", "hpa"}) {
		t.Errorf("%q of %q", fields, managers)
	}
	if moved(err) {
		t.Error("a conflict of managers is taken for a change")
	}
	err = apierrors.NewConflict(schema.GroupResource{Resource: "pods"}, "one", errors.New("it has changed"))
	if fields, _ := conflicts(err); len(fields) != 0 || !moved(err) {
		t.Error("a change is not seen")
	}
	if fields, _ := conflicts(errors.New("no answer")); fields != nil || moved(errors.New("x")) || moved(nil) {
		t.Error("what is no answer is a conflict")
	}
}
