package treemap

import (
	"fmt"
	"strconv"

	"github.com/clustersnap/clustersnap/manifests/storage/usage"
)

// formatBytes prints a size as people read it, as the script does.
func formatBytes(n int64) string {
	size, unit := float64(n), "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if size < 1000 {
			break
		}
		size, unit = size/1024, next
	}
	if unit != "B" && size < 9.95 {
		return fmt.Sprintf("%.1f %s", size, unit)
	}
	return fmt.Sprintf("%.0f %s", size, unit)
}

// formatNumber prints a number with commas.
func formatNumber(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// percent says how much of a whole a part is.
func percent(part, whole int64) string {
	if whole <= 0 {
		return "–"
	}
	switch p := 100 * float64(part) / float64(whole); {
	case part == 0 || p >= 9.95:
		return fmt.Sprintf("%.0f %%", p)
	case p < 0.1:
		return "< 0.1 %"
	default:
		return fmt.Sprintf("%.1f %%", p)
	}
}

// resourceName is how kubectl takes a resource.
func resourceName(r any) string {
	group, resource := "", ""
	switch r := r.(type) {
	case usage.Resource:
		group, resource = r.Group, r.Resource
	case usage.Object:
		group, resource = r.Group, r.Resource
	}
	if group == "" {
		return resource
	}
	return resource + "." + group
}
