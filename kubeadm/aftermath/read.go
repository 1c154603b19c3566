package aftermath

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

// pageSize bounds what one answer to a list has.
const pageSize = "500"

// connect makes a client of raw JSON. Client-go's typed one would add 20 modules to those of an importer.
func connect(config *rest.Config) (rest.Interface, error) {
	if config == nil || config.Host == "" {
		// client-go would take localhost, which is seldom meant.
		return nil, errors.New("the configuration names no API server: look at clusters and current-context of the kubeconfig")
	}
	config = rest.CopyConfig(config)
	config.QPS, config.RateLimiter = -1, nil
	config.WarningHandler = rest.NoWarnings{}
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeJSON, "" // operators often have protobuf here
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"}) // Status, which errors are
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme)
	return rest.UnversionedRESTClientFor(config)
}

// resource is what is listed.
type resource struct {
	name  string // as in RBAC, with its group: leases.coordination.k8s.io
	path  string // of the list
	field string // a field selector
	means string // what is not known without the list
}

// object is what a list has: P is *T.
type object[T any] interface {
	*T
	GetUID() types.UID
}

// each hands over all objects of a resource, page by page. It reports whether the server gave them: a refusal is a finding, and
// the caller judges nothing that it would need them for. When the server has forgotten where it was (410), all are asked for
// again at once, and what was handed over already is left out.
func each[T any, P object[T]](ctx context.Context, in *inspection, of resource, take func(P)) (bool, error) {
	limit, next := pageSize, ""
	seen := map[types.UID]bool{}
	for {
		request := in.rest.Get().AbsPath(of.path).Param("limit", limit)
		if next != "" {
			request = request.Param("continue", next)
		}
		if of.field != "" {
			request = request.Param("fieldSelector", of.field)
		}
		body, err := ask(ctx, request)
		if apierrors.IsResourceExpired(err) && next != "" {
			limit, next = "0", ""
			continue
		}
		if err != nil {
			return false, in.refused(Object{Kind: of.name}, "list", of.means, err)
		}
		var page struct {
			metav1.ListMeta `json:"metadata"`
			Items           []T `json:"items"`
		}
		if err := json.Unmarshal(body, &page); err != nil {
			return false, fmt.Errorf("read %s: %w", of.name, err)
		}
		in.listed(page.ResourceVersion)
		for i := range page.Items {
			p := P(&page.Items[i])
			if uid := p.GetUID(); uid == "" || !seen[uid] {
				seen[uid] = true
				take(p)
			}
		}
		if next = page.Continue; next == "" {
			return true, nil
		}
	}
}

// ask gives the body of an answer. An error of the server's is an apierrors.APIStatus.
func ask(ctx context.Context, request *rest.Request) ([]byte, error) {
	result := request.Do(ctx)
	if err := result.Error(); err != nil {
		return nil, err
	}
	return result.Raw()
}

// post sends an object and reads the answer into another.
func post(ctx context.Context, to rest.Interface, path string, body, into any) error {
	sent, err := json.Marshal(body)
	if err != nil {
		return err
	}
	answer, err := ask(ctx, to.Post().AbsPath(path).SetHeader("Content-Type", runtime.ContentTypeJSON).Body(sent))
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

// maxAnswer bounds what is taken from a kubelet, in bytes: a node has some hundred pods, of some KiB.
const maxAnswer = 64 << 20

// fromNode reads JSON that a node answers, through the API server.
func fromNode(ctx context.Context, from rest.Interface, node, path string, into any) error {
	body, err := from.Get().AbsPath("/api/v1/nodes/" + node + "/proxy" + path).Stream(ctx)
	if err != nil {
		return err
	}
	defer body.Close()
	limited := &io.LimitedReader{R: body, N: maxAnswer}
	if err := json.NewDecoder(limited).Decode(into); err != nil {
		if limited.N <= 0 {
			return fmt.Errorf("the answer of its kubelet is longer than %d MiB", maxAnswer>>20)
		}
		return fmt.Errorf("read the answer of its kubelet: %w", err)
	}
	return nil
}

// serves reports whether the cluster has any version of a group.
func (in *inspection) serves(ctx context.Context, groupVersion string) (bool, error) {
	_, err := ask(ctx, in.rest.Get().AbsPath("/apis/"+groupVersion))
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, in.refused(Object{Kind: groupVersion}, "ask for", "whether the pod network keeps addresses there", err)
	}
	return true, nil
}

// refused makes a finding of what the server would not say. What is no answer, or that it does not know who asks, is an error:
// then there is no report at all.
func (in *inspection) refused(object Object, verb, means string, err error) error {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || apierrors.IsUnauthorized(err) {
		return fmt.Errorf("%s %s: %w", verb, object, err)
	}
	next := "look into why, and ask again"
	if apierrors.IsForbidden(err) {
		next = "give the rights of the package's documentation, and ask again"
	}
	in.report.add(Finding{
		Kind: NotAsked, Severity: Act, Object: object, Next: next,
		What: fmt.Sprintf("could not %s it, so it is not known %s: %s", verb, means, short(err)),
	})
	return nil
}

// listed notes the revision of a list. The last one of etcd's is the highest.
func (in *inspection) listed(resourceVersion string) {
	if at, err := strconv.ParseInt(resourceVersion, 10, 64); err == nil {
		in.report.Revision = max(in.report.Revision, at)
	}
}

// maxError bounds what of an error goes into a report: a kubelet, or an aggregated API, may say anything.
const maxError = 300

func short(err error) string { return plain(err.Error(), maxError) }
