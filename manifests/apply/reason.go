package apply

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clustersnap/clustersnap/internal/secretcopy"
)

// maxWhy keeps a sentence readable, whatever a server had to say.
const maxWhy = 600

// answered reports whether err is the answer of a server, so that the server is there.
func answered(err error) bool { return errors.As(err, new(apierrors.APIStatus)) }

// sentence is an error as one line.
func sentence(err error) string { return bounded(line(err)) }

// line is an error without the address that it is about, which says less than the object.
func line(err error) string {
	text := err.Error()
	if at := (*url.Error)(nil); errors.As(err, &at) {
		text = "reach the API server: " + at.Err.Error()
	}
	return strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
}

// sentence is an error as one line that shows no value of the Secret it may be about.
func (it *item) sentence(err error) string {
	if kindOf(it.Key) != ofSecrets {
		return sentence(err)
	}
	return bounded(it.masked(line(err)))
}

func bounded(line string) string {
	if len(line) > maxWhy {
		return strings.ToValidUTF8(line[:maxWhy], "") + "..."
	}
	return line
}

// masked takes the values of a Secret out of a text, those that were saved and those that the cluster has, the longest first. A
// webhook may repeat them, and so does a server that finds a value of the wrong type. Values of less than four letters are in
// many words, and are left; so is what a webhook makes of a value, such as its first half.
func (it *item) masked(line string) string {
	held := slices.Concat(valuesOf(it.body), valuesOf(it.held))
	slices.SortFunc(held, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, form := range held {
		if len(form) >= 4 {
			line = strings.ReplaceAll(line, form, "***")
		}
	}
	return line
}

// valuesOf gives the forms in which the values of a Secret may stand in a text.
func valuesOf(secret map[string]any) []string {
	var held []string
	for _, field := range []string{"data", "stringData"} {
		values, _ := value(secret, field).(map[string]any)
		for _, v := range values {
			s, ok := v.(string)
			if !ok {
				s = fmt.Sprint(v)
			}
			for _, form := range secretcopy.Forms(s) {
				held = append(held, form, strings.Join(strings.Fields(form), " "))
			}
		}
	}
	return held
}

// conflicts gives the fields that an apply did not get, and who manages them. It is none for the other kind of conflict, that
// the object has changed. See NewApplyConflict in k8s.io/apimachinery/pkg/api/errors.
func conflicts(err error) (fields, managers []string) {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return nil, nil
	}
	for _, cause := range status.Status().Details.Causes {
		if cause.Type != metav1.CauseTypeFieldManagerConflict {
			continue
		}
		fields = append(fields, strings.TrimPrefix(cause.Field, "."))
		manager := "somebody"
		if parts := strings.SplitN(cause.Message, `"`, 3); len(parts) == 3 {
			manager = parts[1]
		}
		if !slices.Contains(managers, manager) {
			managers = append(managers, manager)
		}
	}
	return fields, managers
}

// duplicates reports whether an apply failed because a list has two elements of one key, which a create takes:
// https://github.com/kubernetes/kubernetes/issues/113482.
func duplicates(err error) bool {
	return apierrors.IsInternalError(err) && strings.Contains(err.Error(), "duplicate entries for key")
}
