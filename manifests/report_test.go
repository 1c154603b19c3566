package manifests

import "fmt"

func ExampleReport_Missing() {
	pods := Resource{Version: "v1", Resource: "pods", Kind: "Pod", Namespaced: true}
	metrics := Resource{Group: "metrics.k8s.io", Version: "v1beta1", Resource: "*"}
	report := &Report{Outcomes: []Outcome{
		{Resource: pods, Namespace: "shop", State: Listed, Objects: 12},
		{Resource: pods, Namespace: "vault", State: Forbidden, Why: `User "clerk" cannot list resource "pods"`},
		{Resource: metrics, State: Failed, Why: "APIService v1beta1.metrics.k8s.io: MissingEndpoints: no endpoints"},
	}}
	fmt.Println("complete:", report.Complete())
	for _, missing := range report.Missing() {
		fmt.Println(missing)
	}
	// Output:
	// complete: false
	// pods in vault: forbidden: User "clerk" cannot list resource "pods"
	// *.metrics.k8s.io: failed: APIService v1beta1.metrics.k8s.io: MissingEndpoints: no endpoints
}
