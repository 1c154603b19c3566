package manifests

import (
	"strconv"
	"strings"
)

// rule takes one field out of the objects of a resource.
type rule struct {
	of    groupResource // anything if it is zero
	field string        // its path, of members only; [] after a name stands for each item of a list
	level Level         // Faithful: out at both levels. Portable: out at that one only
	value string        // if not empty, the number or literal that the field must be
}

// rules are those that need no look at another field. What does is in rules_<kind>.go.
var rules = append([]rule{
	// Set by the server, and ignored or refused from others: ObjectMeta in apimachinery/pkg/apis/meta/v1/types.go.
	// A create with resourceVersion is an error, an apply with uid or managedFields is one.
	{field: "metadata.creationTimestamp", level: Faithful},
	{field: "metadata.deletionGracePeriodSeconds", level: Faithful},
	{field: "metadata.deletionTimestamp", level: Faithful},
	{field: "metadata.generation", level: Faithful},
	{field: "metadata.managedFields", level: Faithful},
	{field: "metadata.resourceVersion", level: Faithful},
	{field: "metadata.selfLink", level: Faithful},
	{field: "metadata.uid", level: Faithful},
	// The garbage collector deletes an object whose owner, by uid, is not there: within a second.
	{field: "metadata.ownerReferences", level: Portable},

	// Ephemeral containers can't be created with a pod: KEP-277.
	{of: ofPods, field: "spec.ephemeralContainers", level: Faithful},
	// The volume is another one elsewhere: pkg/controller/volume/persistentvolume sets both anew, namespace and name are the
	// binding itself.
	{of: ofVolumes, field: "spec.claimRef.resourceVersion", level: Portable},
	{of: ofVolumes, field: "spec.claimRef.uid", level: Portable},
	// A template of a claim has a status that says nothing: it is always Pending.
	{of: ofStatefulSets, field: "spec.volumeClaimTemplates[].status", level: Faithful},
	// Who asks for the certificate: the server writes whoever creates the request, see
	// pkg/registry/certificates/certificates/strategy.go.
	{of: ofRequests, field: "spec.extra", level: Portable},
	{of: ofRequests, field: "spec.groups", level: Portable},
	{of: ofRequests, field: "spec.uid", level: Portable},
	{of: ofRequests, field: "spec.username", level: Portable},
	// The default of v1beta1 that v1 has no other value for.
	{of: ofDefinitions, field: "spec.preserveUnknownFields", level: Faithful, value: "false"},
}, emptyTimes()...)

var (
	ofPods         = groupResource{"", "pods"}
	ofRequests     = groupResource{"certificates.k8s.io", "certificatesigningrequests"}
	ofStatefulSets = groupResource{"apps", "statefulsets"}
	ofDefinitions  = groupResource{"apiextensions.k8s.io", "customresourcedefinitions"}
)

// podTemplates are where Kubernetes' own kinds have the metadata and the spec of a pod.
var podTemplates = map[groupResource]string{
	ofPods:                         "",
	{"", "podtemplates"}:           "template.",
	{"", "replicationcontrollers"}: "spec.template.",
	{"apps", "daemonsets"}:         "spec.template.",
	{"apps", "deployments"}:        "spec.template.",
	{"apps", "replicasets"}:        "spec.template.",
	ofStatefulSets:                 "spec.template.",
	{"batch", "jobs"}:              "spec.template.",
	{"batch", "cronjobs"}:          "spec.jobTemplate.spec.template.",
}

// emptyTimes are rules for "creationTimestamp": null. API servers before 1.34 write it into the metadata of each template,
// since a struct is no pointer: https://github.com/kubernetes/kubernetes/issues/67610.
func emptyTimes() []rule {
	places := []rule{
		{of: ofStatefulSets, field: "spec.volumeClaimTemplates[]"},
		{of: groupResource{"batch", "cronjobs"}, field: "spec.jobTemplate"},
		{of: groupResource{"resource.k8s.io", "resourceclaimtemplates"}, field: "spec"},
	}
	for of, template := range podTemplates {
		if template != "" {
			places = append(places, rule{of: of, field: strings.TrimSuffix(template, ".")})
		}
		places = append(places, rule{of: of, field: template + "spec.volumes[].ephemeral.volumeClaimTemplate"})
	}
	for i := range places {
		places[i].field += ".metadata.creationTimestamp"
		places[i].level = Faithful
		places[i].value = "null"
	}
	return places
}

// rulesOf are the rules by resource, those for anything under the zero one.
var rulesOf = func() map[groupResource][]rule {
	all := map[groupResource][]rule{}
	for _, r := range rules {
		all[r.of] = append(all[r.of], r)
	}
	return all
}()

// strip takes out of the object at hand what its level has no place for.
func (c *canonicalizer) strip() {
	of := groupResource{c.resource.Group, c.resource.Resource}
	if c.resource.Status {
		c.drop(c.tree.child(c.root, "status"), "status")
	}
	// What is special comes first, for it looks at fields and annotations that the others take out.
	if special := special[of]; special != nil {
		special(c)
	}
	c.dropNames(of)
	for _, r := range rulesOf[groupResource{}] {
		c.apply(&r)
	}
	for _, r := range rulesOf[of] {
		c.apply(&r)
	}
}

// special are the rules that look at more than one field.
var special = map[groupResource]func(*canonicalizer){
	{"", "services"}:        (*canonicalizer).stripService,
	ofPods:                  (*canonicalizer).stripPod,
	{"batch", "jobs"}:       (*canonicalizer).stripJob,
	ofClaims:                (*canonicalizer).stripClaim,
	{"", "serviceaccounts"}: (*canonicalizer).stripServiceAccount,
	{"", "secrets"}:         (*canonicalizer).stripSecret,
	{"", "namespaces"}:      (*canonicalizer).stripNamespace,
	{"", "endpoints"}:       (*canonicalizer).sortSubsets,
	{"rbac.authorization.k8s.io", "clusterroles"}: (*canonicalizer).stripClusterRole,
	ofDefinitions: (*canonicalizer).stripInjected,
	{"apiregistration.k8s.io", "apiservices"}:                           (*canonicalizer).stripInjected,
	{"admissionregistration.k8s.io", "mutatingwebhookconfigurations"}:   (*canonicalizer).stripInjected,
	{"admissionregistration.k8s.io", "validatingwebhookconfigurations"}: (*canonicalizer).stripInjected,
}

// applies reports whether a rule of a level applies to the object at hand.
func (c *canonicalizer) applies(level Level) bool { return level == Faithful || c.level == Portable }

func (c *canonicalizer) apply(r *rule) {
	if c.applies(r.level) {
		c.follow(r, c.root, r.field, "")
	}
}

// follow takes out what rest of a path leads to from n, which is where the path done led to.
func (c *canonicalizer) follow(r *rule, n *node, rest, done string) {
	before, after, inList := strings.Cut(rest, "[].")
	last := before
	for {
		name, more, found := strings.Cut(last, ".")
		if n = c.tree.member(n, name); n == nil {
			return
		}
		if !found {
			break
		}
		last = more
	}
	done += before
	if !inList {
		if r.value == "" || c.tree.has(r.value, n) {
			c.drop(n, done)
		}
		return
	}
	items := c.tree.items(n)
	for i := range items {
		c.follow(r, &items[i], after, done+"["+strconv.Itoa(i)+"].")
	}
}

// drop takes a value out, if it is not nil.
func (c *canonicalizer) drop(n *node, path string) {
	if n == nil || n.gone {
		return
	}
	n.gone = true
	c.result.Removed = append(c.result.Removed, path)
}

// dropMember takes out the member that a key leads to, and parent with it if nothing else is in it. Path is parent's.
func (c *canonicalizer) dropMember(parent *node, path, key string) {
	n := c.tree.member(parent, key)
	if n == nil {
		return
	}
	c.drop(n, path+member(key))
	c.dropEmptied(parent, path)
}

// member gives what a key adds to the path of a mapping: .name, or ["a.b/name"].
func member(key string) string {
	for _, char := range []byte(key) {
		if letter := 'a' <= char|0x20 && char|0x20 <= 'z' || '0' <= char && char <= '9' || char == '_'; !letter {
			return "[" + strconv.Quote(key) + "]"
		}
	}
	return "." + key
}

// dropItems takes out those items of a list that are to go, and the list with them if no other is in it. Path is the list's.
func (c *canonicalizer) dropItems(list *node, path string, goes func(*node) bool) {
	items := c.tree.items(list)
	dropped := false
	for i := range items {
		if goes(&items[i]) {
			c.drop(&items[i], path+"["+strconv.Itoa(i)+"]")
			dropped = true
		}
	}
	if dropped {
		c.dropEmptied(list, path)
	}
}

// dropEmptied takes out a mapping or list from which the last child was taken out. One that was empty is never asked for.
func (c *canonicalizer) dropEmptied(n *node, path string) {
	if c.tree.empty(n) {
		c.drop(n, path)
	}
}
