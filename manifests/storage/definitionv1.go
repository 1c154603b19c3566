package storage

import (
	"k8s.io/apimachinery/pkg/util/json"
)

// Definitions of custom resources are stored in a version that no API server shows since Kubernetes 1.22
// (kubernetes/kubernetes#102855).
const (
	definitionStored = "v1beta1"
	definitionListed = "v1"
)

// listDefinition gives a CustomResourceDefinition of v1beta1 as an API server shows it: pkg/apis/apiextensions/v1beta1 and v1,
// conversion.go and defaults.go, of k8s.io/apiextensions-apiserver.
func listDefinition(stored []byte) ([]byte, error) {
	var object map[string]any
	if err := json.Unmarshal(stored, &object); err != nil {
		return nil, damaged(err)
	}
	object["apiVersion"] = definitions.Group + "/" + definitionListed
	if spec, ok := object["spec"].(map[string]any); ok {
		listVersions(spec)
		listConversion(spec)
		// The default was true, and what is false is not shown.
		switch preserve, ok := spec["preserveUnknownFields"]; {
		case !ok:
			spec["preserveUnknownFields"] = true
		case preserve == false:
			delete(spec, "preserveUnknownFields")
		}
	}
	text, err := json.Marshal(object)
	if err != nil {
		return nil, damaged(err)
	}
	return text, nil
}

// listVersions moves what is said once for all versions into each.
func listVersions(spec map[string]any) {
	versions, _ := spec["versions"].([]any)
	if len(versions) == 0 && spec["version"] != nil {
		versions = []any{map[string]any{"name": spec["version"], "served": true, "storage": true}}
		spec["versions"] = versions
	}
	for common, each := range map[string]string{
		"validation": "schema", "subresources": "subresources", "additionalPrinterColumns": "additionalPrinterColumns",
		"selectableFields": "selectableFields",
	} {
		for _, v := range versions {
			if v, ok := v.(map[string]any); ok && spec[common] != nil {
				v[each] = spec[common]
			}
		}
		delete(spec, common)
	}
	delete(spec, "version")
	for _, v := range versions {
		v, _ := v.(map[string]any)
		columns, _ := v["additionalPrinterColumns"].([]any)
		for _, column := range columns {
			rename(column, "JSONPath", "jsonPath")
		}
	}
}

// listConversion moves what is said of a webhook into a field of its own.
func listConversion(spec map[string]any) {
	conversion, ok := spec["conversion"].(map[string]any)
	if !ok {
		spec["conversion"] = map[string]any{"strategy": "None"}
		return
	}
	webhook := map[string]any{}
	for from, to := range map[string]string{
		"webhookClientConfig": "clientConfig", "conversionReviewVersions": "conversionReviewVersions",
	} {
		if value, ok := conversion[from]; ok && value != nil {
			webhook[to] = value
		}
		delete(conversion, from)
	}
	if len(webhook) > 0 {
		conversion["webhook"] = webhook
	}
}

// rename gives a member of an object another name, unless it has that already.
func rename(object any, from, to string) {
	if o, ok := object.(map[string]any); ok && o[from] != nil {
		o[to] = o[from]
		delete(o, from)
	}
}
