package apply_test

import (
	"encoding/json"
	"fmt"

	"github.com/clustersnap/clustersnap/manifests"
	"github.com/clustersnap/clustersnap/manifests/apply"
)

func ExampleStep() {
	web := manifests.Key{Group: "apps", Resource: "deployments", Namespace: "shop", Name: "web"}
	shop := manifests.Key{Resource: "namespaces", Name: "shop"}
	for _, step := range []apply.Step{
		{Key: web, Do: apply.Update, Changes: []string{"spec.replicas", "spec.template.spec.containers[0].image"}},
		{Key: web, Do: apply.Create, After: []manifests.Key{shop}},
		{Key: web, Do: apply.Blocked, Why: "there is no namespace shop: bring it back as well"},
	} {
		fmt.Println(step)
	}
	// Output:
	// update deployments.apps/web -n shop: spec.replicas, spec.template.spec.containers[0].image
	// create deployments.apps/web -n shop (not tried: it comes after namespaces/shop)
	// blocked deployments.apps/web -n shop: there is no namespace shop: bring it back as well
}

func ExampleResult() {
	settings := manifests.Key{Resource: "configmaps", Namespace: "shop", Name: "settings"}
	token := manifests.Key{Resource: "secrets", Namespace: "shop", Name: "token"}
	result := &apply.Result{Outcomes: []apply.Outcome{
		{Step: apply.Step{Key: settings, Do: apply.Create}, State: apply.Done},
		{Step: apply.Step{Key: token, Do: apply.Replace}, State: apply.Moved, Err: "somebody has deleted it"},
	}}
	fmt.Println(result.Complete())
	for _, failed := range result.Failed() {
		fmt.Println(failed)
	}
	text, _ := json.Marshal(result.Outcomes[0].Key)
	fmt.Println(string(text))
	// Output:
	// false
	// replace secrets/token -n shop: moved: somebody has deleted it
	// {"resource":"configmaps","namespace":"shop","name":"settings"}
}
