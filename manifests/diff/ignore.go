package diff

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/clustersnap/clustersnap/manifests"
)

// Rule ignores fields of some objects, or with neither Path nor Manager all of them. What it ignores is taken out of all
// sides before they are compared, and is shown nowhere.
type Rule struct {
	// Group, Resource, Namespace and Name say which objects: each is a pattern of [path.Match], and any if it is empty. The
	// group of the core is "core" here.
	Group, Resource, Namespace, Name string
	// Path is the field, and all that is in it: a path as in [Field], where a * stands for any key or element, as in
	// spec.template.spec.containers[*].image or metadata.annotations.*, or a JSON pointer (RFC 6901), as in /spec/replicas,
	// with * for any step. Maps and lists on the way that are empty without it are ignored too, but no elements of lists.
	Path string
	// Manager ignores the fields that this field manager owns in the live object, such as the spec.replicas that
	// kube-controller-manager sets for an autoscaler. It is a pattern too. Options.Owners is needed for it.
	Manager string
}

// Owners knows which manager owns which fields of a live object. *manifests.Cluster does.
type Owners interface {
	// ManagedFields gives metadata.managedFields of a live object as JSON. Its error wraps a
	// NotFound of k8s.io/apimachinery/pkg/api/errors if there is none.
	ManagedFields(ctx context.Context, key manifests.Key) ([]byte, error)
}

// rule is a Rule that was understood.
type rule struct {
	Rule
	steps  []step
	owners Owners
}

// parseRules understands all rules, or says which can't be.
func parseRules(list []Rule, owners Owners) ([]rule, error) {
	var rules []rule
	var bad error
	for i, r := range list {
		parsed, err := parseRule(r, owners)
		if err != nil {
			bad = errors.Join(bad, fmt.Errorf("rule %d: %w", i+1, err))
		}
		rules = append(rules, parsed)
	}
	return rules, bad
}

func parseRule(r Rule, owners Owners) (rule, error) {
	for _, pattern := range []string{r.Group, r.Resource, r.Namespace, r.Name, r.Manager} {
		if _, err := path.Match(pattern, ""); err != nil {
			return rule{}, fmt.Errorf("%q: %w", pattern, err)
		}
	}
	switch {
	case r == Rule{}:
		return rule{}, errors.New("it is empty, and would ignore everything: name something")
	case r.Path != "" && r.Manager != "":
		return rule{}, errors.New("it names both a path and a manager: name one")
	case r.Manager != "" && owners == nil:
		return rule{}, fmt.Errorf("nobody can be asked what manager %q owns: set Options.Owners", r.Manager)
	}
	steps, err := parseSteps(r.Path)
	if err != nil {
		return rule{}, fmt.Errorf("path %q: %w", r.Path, err)
	}
	return rule{r, steps, owners}, nil
}

// whole reports whether the rule is for whole objects.
func (r *rule) whole() bool { return r.Path == "" && r.Manager == "" }

// applies reports whether the rule is for an object.
func (r *rule) applies(key manifests.Key) bool {
	group := key.Group
	if group == "" {
		group = "core"
	}
	for _, m := range [...]struct{ pattern, text string }{
		{r.Group, group}, {r.Resource, key.Resource}, {r.Namespace, key.Namespace}, {r.Name, key.Name},
	} {
		if ok, _ := path.Match(m.pattern, m.text); !ok && m.pattern != "" {
			return false
		}
	}
	return true
}

// ignore takes what the rules name out of the objects.
func (c *comparison) ignore(ctx context.Context, key manifests.Key, trees *[sides]any) error {
	var managed []manager
	asked := false
	for _, r := range c.rules {
		if !r.applies(key) {
			continue
		}
		if r.Manager == "" {
			for i := range trees {
				trees[i], _ = without(trees[i], r.steps)
			}
			continue
		}
		if !asked {
			var err error
			if managed, err = managersOf(ctx, r.owners, key); err != nil {
				return fmt.Errorf("ask who owns the fields: %w", err)
			}
			asked = true
		}
		for _, m := range managed {
			if ok, _ := path.Match(r.Manager, m.Manager); !ok || m.Subresource == "status" {
				continue
			}
			for i := range trees {
				trees[i] = withoutOwned(trees[i], m.FieldsV1)
			}
		}
	}
	return nil
}
