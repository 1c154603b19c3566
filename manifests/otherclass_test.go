package manifests

import "testing"

// Whatever a whole object is of, its metadata alone tells as the class or as the other one.
func TestOtherClassIsThatOfTheWholeObject(t *testing.T) {
	var (
		pods     = Resource{Version: "v1", Resource: "pods", Kind: "Pod", Namespaced: true, Status: true}
		jobs     = Resource{Group: "batch", Version: "v1", Resource: "jobs", Kind: "Job", Namespaced: true, Status: true}
		accounts = Resource{Version: "v1", Resource: "serviceaccounts", Kind: "ServiceAccount", Namespaced: true}
	)
	const bare, labelled = `{"name":"default","namespace":"a"}`, `{"name":"default","namespace":"a","labels":{"a":"b"}}`
	for name, c := range map[string]struct {
		r              Resource
		metadata, more string
		class, other   Class
		whole          Class
	}{
		"pod":               {pods, bare, "", User, Completed, User},
		"pod that ended":    {pods, bare, `,"status":{"phase":"Failed"}`, User, Completed, Completed},
		"pod of an owner":   {pods, `{"name":"p","ownerReferences":[{"controller":true}]}`, "", Generated, "", Generated},
		"job that ended":    {jobs, bare, `,"status":{"conditions":[{"type":"Complete","status":"True"}]}`, User, Completed, Completed},
		"account":           {accounts, bare, "", Bootstrap, User, Bootstrap},
		"account that pull": {accounts, bare, `,"imagePullSecrets":[{"name":"s"}]`, Bootstrap, User, User},
		"labelled account":  {accounts, labelled, "", User, "", User},
		"other account":     {accounts, `{"name":"a","namespace":"a"}`, `,"secrets":[{"name":"s"}]`, User, "", User},
	} {
		text := []byte(`{"apiVersion":"v1","kind":"X","metadata":` + c.metadata + c.more + `}`)
		e, err := new(Canonicalizer).Entry([]byte(`{"metadata":`+c.metadata+`}`), c.r)
		if err != nil {
			t.Fatal(err)
		}
		o, err := Canonical(text, c.r, Portable)
		if err != nil {
			t.Fatal(err)
		}
		if e.Class != c.class || e.OtherClass() != c.other || o.Class != c.whole || o.OtherClass() != "" {
			t.Errorf("%s: by metadata %q or %q, the object is %q or %q", name, e.Class, e.OtherClass(), o.Class, o.OtherClass())
		}
	}
}
