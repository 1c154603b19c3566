package aftermath

import (
	"cmp"
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// apiService is what is read of an APIService: kube-aggregator, pkg/apis/apiregistration/v1/types.go.
type apiService struct {
	metav1.ObjectMeta `json:"metadata"`
	Status            struct {
		Conditions []metav1.Condition `json:"conditions"`
	} `json:"status"`
}

var apiServiceList = resource{
	name: "apiservices.apiregistration.k8s.io", path: "/apis/apiregistration.k8s.io/v1/apiservices",
	means: "which aggregated APIs are not available",
}

func (in *inspection) apiServices(ctx context.Context) error {
	_, err := each(ctx, in, apiServiceList, func(o *apiService) {
		why := "nobody has said that it is available"
		for _, c := range o.Status.Conditions {
			if c.Type != "Available" {
				continue
			}
			if c.Status == metav1.ConditionTrue {
				return
			}
			why = "it is not available: " + plain(cmp.Or(c.Message, c.Reason), maxError)
		}
		in.report.add(Finding{
			Kind: APIService, Severity: Act, Object: Object{Kind: "APIService", Name: o.Name}, What: why,
			Next: "see why the pods of its Service are not ready: until then namespaces can't be deleted, and discovery is incomplete",
		})
	})
	return err
}
