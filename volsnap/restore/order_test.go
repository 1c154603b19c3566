package restore

import (
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/clustersnap/clustersnap/volsnap/internal/api"
)

func ptr[T any](v T) *T { return &v }

// snapshotOf is a snapshot that is ready, of a volume in a mode, and needs so many bytes; nil: the driver does not say.
func snapshotOf(mode *string, least *int64) *source {
	s := &source{snapshot: &api.Snapshot{Status: &api.SnapshotStatus{}}, content: &api.Content{Status: &api.ContentStatus{}}}
	s.content.Spec.SourceVolumeMode, s.content.Status.RestoreSize = mode, least
	return s
}

func claimOfSize(asked, has string) *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{}
	claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(asked)}
	claim.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(has)}
	return claim
}

func TestSize(t *testing.T) {
	for name, test := range map[string]struct {
		asked int64
		least *int64
		like  *corev1.PersistentVolumeClaim
		want  int64 // 0 is ErrUnfit
	}{
		"what it needs":                    {0, ptr[int64](100), nil, 100},
		"what was asked for":               {200, ptr[int64](100), nil, 200},
		"as much as it needs":              {100, ptr[int64](100), nil, 100},
		"a byte too few":                   {99, ptr[int64](100), nil, 0},
		"as the claim has":                 {0, ptr[int64](100), claimOfSize("1Ki", "2Ki"), 2048},
		"as the claim asks for":            {0, ptr[int64](100), claimOfSize("4Ki", "2Ki"), 4096},
		"less than it needs by now":        {0, ptr[int64](8192), claimOfSize("4Ki", "2Ki"), 8192},
		"not said, and the claim is gone":  {0, nil, nil, 0},
		"not said, and the claim is there": {0, nil, claimOfSize("1Ki", "1Ki"), 1024},
		"not said, and asked for":          {5, nil, nil, 5},
		"negative":                         {-5, nil, nil, 0},
	} {
		o := &order{source: snapshotOf(nil, test.least), claim: &corev1.PersistentVolumeClaim{}}
		o.opts.Size = test.asked
		err := o.size(test.like)
		got := o.claim.Spec.Resources.Requests[corev1.ResourceStorage]
		if got.Value() != test.want || errors.Is(err, ErrUnfit) != (test.want == 0) {
			t.Errorf("%s: got %d, %v, want %d", name, got.Value(), err, test.want)
		}
	}
}

func TestMode(t *testing.T) {
	block := &corev1.PersistentVolumeClaim{}
	block.Spec.VolumeMode = ptr(corev1.PersistentVolumeBlock)
	for name, test := range map[string]struct {
		opts   ClaimOptions
		theirs *string
		like   *corev1.PersistentVolumeClaim
		want   string // "" is ErrUnfit
	}{
		"nothing known":             {ClaimOptions{}, nil, nil, "Filesystem"},
		"that of the snapshot":      {ClaimOptions{}, ptr("Block"), nil, "Block"},
		"the snapshot says it best": {ClaimOptions{}, ptr("Filesystem"), block, "Filesystem"},
		"that of the claim":         {ClaimOptions{}, nil, block, "Block"},
		"asked for":                 {ClaimOptions{Mode: "Block"}, ptr("Block"), nil, "Block"},
		"another one":               {ClaimOptions{Mode: "Filesystem"}, ptr("Block"), nil, ""},
		"another one, allowed":      {ClaimOptions{Mode: "Filesystem", ChangeMode: true}, ptr("Block"), nil, "Filesystem"},
		"allowed, and not asked":    {ClaimOptions{ChangeMode: true}, ptr("Block"), nil, "Block"},
	} {
		o := &order{source: snapshotOf(test.theirs, nil), claim: &corev1.PersistentVolumeClaim{}, opts: test.opts}
		err := o.mode(test.like)
		if got := string(value(o.claim.Spec.VolumeMode)); got != test.want || errors.Is(err, ErrUnfit) != (test.want == "") {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, test.want)
		}
	}
}
