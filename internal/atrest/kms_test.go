package atrest

import (
	"slices"
	"testing"
)

func TestKMSNames(t *testing.T) {
	const file = `{apiVersion: apiserver.config.k8s.io/v1, kind: EncryptionConfiguration, resources: [
  {resources: [secrets], providers: [{kms: {apiVersion: v2, name: new, endpoint: unix:///b}}, {identity: {}}]},
  {resources: [configmaps], providers: [
    {kms: {name: ancient, endpoint: unix:///a}}, {kms: {name: ancient, endpoint: unix:///c}}]}]}`
	c, err := Parse([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.KMS(), []string{"ancient", "new"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := (*Config)(nil).KMS(); len(got) > 0 {
		t.Errorf("no configuration: %v", got)
	}
}
