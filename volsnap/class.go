package volsnap

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

// choose finds the class for a volume of a driver. The annotations are those of the claim. Whatever is not certain is refused:
// the controllers take a class of another driver as well, and nothing ever happens then.
func (p *planner) choose(v *Volume, annotations map[string]string) {
	if p.noClasses {
		v.Reason = ReasonForbidden
		v.Detail = fmt.Sprintf("no right to list %s, so the class of driver %s is not known", api.Classes.GroupResource(), v.Driver)
		return
	}
	if name := p.opts.Class[v.Driver]; name != "" {
		p.named(v, name, "the option for driver "+v.Driver)
		return
	}
	if name := annotations[api.AnnotationClass]; name != "" {
		p.named(v, name, "annotation "+api.AnnotationClass+" of the claim")
		return
	}
	if name := annotations[api.VeleroClass]; name != "" && p.opts.Velero {
		p.named(v, name, "annotation "+api.VeleroClass+" of the claim")
		return
	}
	for _, marked := range []func(*api.Class) bool{
		func(c *api.Class) bool { _, ok := c.Labels[api.VeleroClass]; return ok && p.opts.Velero },
		func(c *api.Class) bool { return c.Annotations[api.AnnotationDefaultClass] == "true" },
		func(*api.Class) bool { return true },
	} {
		if p.only(v, marked) {
			return
		}
	}
	v.Reason = ReasonNoClass
	v.Detail = fmt.Sprintf("no VolumeSnapshotClass has driver %s: if the driver can make snapshots, create one; if not, %s",
		v.Driver, ownWay(v.Source))
}

// checkDrivers refuses a class for a driver that nothing here has. What may not be read may have it.
func (p *planner) checkDrivers() error {
	if !p.served || p.noClasses || p.noVolumes {
		return nil
	}
	for _, driver := range slices.Sorted(maps.Keys(p.opts.Class)) {
		if !slices.ContainsFunc(p.classes, func(c *api.Class) bool { return c.Driver == driver }) &&
			!slices.ContainsFunc(p.plan.Volumes, func(v Volume) bool { return v.Driver == driver }) {
			return fmt.Errorf("a class is named for driver %.100q, which no volume of the plan has, and no VolumeSnapshotClass of "+
				"the cluster: is the name right?", driver)
		}
	}
	return nil
}

// named takes the class that somebody named, if it is one of the volume's driver.
func (p *planner) named(v *Volume, name, by string) {
	i := slices.IndexFunc(p.classes, func(c *api.Class) bool { return c.Name == name })
	switch {
	case i < 0:
		v.Reason = ReasonClassMissing
		v.Detail = fmt.Sprintf("%s names VolumeSnapshotClass %s, which is not there%s", by, name, p.candidates(v.Driver))
	case p.classes[i].Driver != v.Driver:
		v.Reason = ReasonOtherDriver
		v.Detail = fmt.Sprintf("%s names VolumeSnapshotClass %s, which is of driver %s and not of %s%s",
			by, name, p.classes[i].Driver, v.Driver, p.candidates(v.Driver))
	default:
		v.Class = name
	}
}

// only decides if there is a class of the volume's driver that is marked; if there are several, it refuses.
func (p *planner) only(v *Volume, marked func(*api.Class) bool) bool {
	var found []string
	for _, c := range p.classes {
		if c.Driver == v.Driver && marked(c) {
			found = append(found, c.Name)
		}
	}
	switch len(found) {
	case 0:
		return false
	case 1:
		v.Class = found[0]
	default:
		v.Reason = ReasonSeveralClasses
		v.Detail = fmt.Sprintf("driver %s has the VolumeSnapshotClasses %s: mark one as default, or name one", v.Driver, some(found))
	}
	return true
}

// candidates names the classes that a driver has, as the end of a sentence.
func (p *planner) candidates(driver string) string {
	var names []string
	for _, c := range p.classes {
		if c.Driver == driver {
			names = append(names, c.Name)
		}
	}
	if len(names) == 0 {
		return "; the driver has none"
	}
	return "; the driver has " + some(names)
}

// some is a list of names that fits a sentence.
func some(names []string) string {
	const most = 5
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
