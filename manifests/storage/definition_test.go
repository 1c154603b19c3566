package storage

import (
	"errors"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"sigs.k8s.io/yaml"
)

// definitionKV is a CustomResourceDefinition as it is stored, with a spec in YAML.
func definitionKV(t testing.TB, version, spec string) *mvccpb.KeyValue {
	t.Helper()
	value, err := yaml.YAMLToJSONStrict([]byte("apiVersion: apiextensions.k8s.io/" + version + `
kind: CustomResourceDefinition
metadata: {name: widgets.example.com, uid: u1}
status: {storedVersions: [v1]}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, listKind: WidgetList, plural: widgets, singular: widget}
` + spec))
	if err != nil {
		t.Fatal(err)
	}
	return &mvccpb.KeyValue{
		Key: []byte(DefinitionPrefix("") + "widgets.example.com"), Value: value, ModRevision: 42,
	}
}

// What kube-apiserver 1.37 shows for a definition follows from its own conversions and defaults; the e2e package stored
// holds them against real ones.
func TestDefinitionAsShown(t *testing.T) {
	const head = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.example.com
spec:
`
	const tail = `  group: example.com
  names:
    kind: Widget
    listKind: WidgetList
    plural: widgets
    singular: widget
`
	const scope = "  scope: Namespaced\n"
	for name, c := range map[string]struct{ stored, want string }{
		"what all versions have": {`
  version: v1
  versions: [{name: v1, served: true, storage: true}, {name: v1beta1, served: false, storage: false}]
  validation: {openAPIV3Schema: {type: object, maximum: 12345678901234567}}
  subresources: {status: {}}
  additionalPrinterColumns: [{name: Size, type: integer, JSONPath: .spec.size}]
  selectableFields: [{jsonPath: .spec.size}]
  conversion: {strategy: None, webhookClientConfig: null}
  preserveUnknownFields: false
`, head + `  conversion:
    strategy: None
` + tail + scope + `  versions:
  - additionalPrinterColumns:
    - jsonPath: .spec.size
      name: Size
      type: integer
    name: v1
    schema:
      openAPIV3Schema:
        maximum: 12345678901234567
        type: object
    selectableFields:
    - jsonPath: .spec.size
    served: true
    storage: true
    subresources:
      status: {}
  - additionalPrinterColumns:
    - jsonPath: .spec.size
      name: Size
      type: integer
    name: v1beta1
    schema:
      openAPIV3Schema:
        maximum: 12345678901234567
        type: object
    selectableFields:
    - jsonPath: .spec.size
    served: false
    storage: false
    subresources:
      status: {}
`},
		"what each has": {`
  version: v1
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
  - name: v2
    served: true
    storage: false
    additionalPrinterColumns: [{name: Size, type: integer, JSONPath: .spec.size}]
  conversion:
    strategy: Webhook
    conversionReviewVersions: [v1]
    webhookClientConfig: {service: {namespace: shop, name: convert, path: /c, port: 443}}
  preserveUnknownFields: false
`, head + `  conversion:
    strategy: Webhook
    webhook:
      clientConfig:
        service:
          name: convert
          namespace: shop
          path: /c
          port: 443
      conversionReviewVersions:
      - v1
` + tail + scope + `  versions:
  - name: v1
    schema:
      openAPIV3Schema:
        type: object
    served: true
    storage: true
  - additionalPrinterColumns:
    - jsonPath: .spec.size
      name: Size
      type: integer
    name: v2
    served: true
    storage: false
`},
		"from before there were versions": {"\n  version: v1\n", head + `  conversion:
    strategy: None
` + tail + `  preserveUnknownFields: true
` + scope + `  versions:
  - name: v1
    served: true
    storage: true
`},
	} {
		object, err := newDecoder(t, Options{}).Object(definitionKV(t, "v1beta1", c.stored))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if string(object.YAML) != c.want || object.Version != "v1" || object.Kind != "CustomResourceDefinition" {
			t.Errorf("%s: %+v\n%s", name, object.Entry, object.YAML)
		}
	}
}

func TestLearn(t *testing.T) {
	all := "  versions: [{name: v1, storage: true}, {name: v2}]\n  subresources: {status: {}}\n"
	each := "  versions: [{name: v1, storage: true, subresources: {status: {}}}, {name: v2, subresources: {scale: {}}}]\n"
	none := "  versions: [{name: v1, storage: true}, {name: v2}]\n"
	for name, c := range map[string]struct {
		definition *mvccpb.KeyValue
		v1, v2     bool // whether the status is the server's
	}{
		"all":       {definitionKV(t, "v1beta1", all), true, true},
		"each":      {definitionKV(t, "v1beta1", each), true, false},
		"each, v1":  {definitionKV(t, "v1", each), true, false},
		"none":      {definitionKV(t, "v1beta1", none), false, false},
		"something": {stored(t, "/registry/deployments/shop/web", web), false, false},
	} {
		d := newDecoder(t, Options{})
		if err := d.Learn(c.definition); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for version, want := range map[string]bool{"v1": c.v1, "v2": c.v2} {
			value := strings.Replace(widget, "example.com/v1", "example.com/"+version, 1)
			object, err := d.Object(&mvccpb.KeyValue{Key: []byte("/registry/example.com/widgets/shop/w"), Value: []byte(value)})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if got := !strings.Contains(string(object.YAML), "status:"); got != want {
				t.Errorf("%s, %s: %t, want %t\n%s", name, version, got, want, object.YAML)
			}
		}
	}
	broken := definitionKV(t, "v1beta1", "  versions: {}\n")
	if err := newDecoder(t, Options{}).Learn(broken); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v", err)
	}
}

const anEvent = `{"apiVersion":"v1","kind":"Event","metadata":{"name":"e","namespace":"shop","uid":"u1"},
	"involvedObject":{"kind":"Pod","namespace":"shop","name":"p"},
	"reason":"Failed","message":"why","source":{"component":"kubelet"},
	"firstTimestamp":"2026-01-05T10:30:00Z","lastTimestamp":"2026-01-05T10:31:00Z","count":3,"type":"Warning",
	"eventTime":"2026-01-05T10:30:00.000001Z","series":{"count":2,"lastObservedTime":"2026-01-05T10:30:01.000001Z"},
	"action":"Bind","related":{"kind":"Node","name":"n"},"reportingComponent":"example.com/c","reportingInstance":"c-1"}`

// The event that a server lists, by pkg/apis/events/v1/conversion.go.
func TestEventAsShown(t *testing.T) {
	const want = `action: Bind
apiVersion: events.k8s.io/v1
deprecatedCount: 3
deprecatedFirstTimestamp: "2026-01-05T10:30:00Z"
deprecatedLastTimestamp: "2026-01-05T10:31:00Z"
deprecatedSource:
  component: kubelet
eventTime: "2026-01-05T10:30:00.000001Z"
kind: Event
metadata:
  name: e
  namespace: shop
note: why
reason: Failed
regarding:
  kind: Pod
  name: p
  namespace: shop
related:
  kind: Node
  name: "n"
reportingController: example.com/c
reportingInstance: c-1
series:
  count: 2
  lastObservedTime: "2026-01-05T10:30:01.000001Z"
type: Warning
`
	packed := stored(t, "/registry/events/shop/e", anEvent)
	plain := *packed
	plain.Value = []byte(anEvent)
	for name, kv := range map[string]*mvccpb.KeyValue{"protobuf": packed, "json": &plain} {
		object, err := newDecoder(t, Options{}).Object(kv)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if string(object.YAML) != want || object.Group != "events.k8s.io" || object.Version != "v1" || object.UID != "u1" {
			t.Errorf("%s: %+v\n%s", name, object.Entry, object.YAML)
		}
	}
}
