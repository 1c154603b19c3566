package manifests

import (
	"context"
	"encoding/json"
	"fmt"
)

// serverVersion reads the version of the API server. Where that is not allowed it is empty.
func (c *Cluster) serverVersion(ctx context.Context, p pace) (string, error) {
	body, _, err := c.read(ctx, p, request{segments: []string{"version"}}, maxStatus)
	if refused(err) {
		return "", nil
	}
	var version struct{ GitVersion string }
	if err == nil {
		err = json.Unmarshal(body, &version)
	}
	if err != nil {
		return "", fmt.Errorf("read version: %w", err)
	}
	return version.GitVersion, nil
}
