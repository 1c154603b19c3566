package atrest

import "slices"

// KMS gives the names of the KMSs that the configuration reads or writes with, sorted.
func (c *Config) KMS() []string {
	if c == nil {
		return nil
	}
	var names []string
	for _, e := range c.entries {
		for _, p := range e.providers {
			if p.kms != "" {
				names = append(names, p.kms)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
