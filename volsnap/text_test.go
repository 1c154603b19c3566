package volsnap

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func ExamplePlan_WriteText() {
	plan := &Plan{
		Cluster: "2f3a",
		Groups:  "v1",
		Volumes: []Volume{
			{
				Namespace: "shop", Claim: "db", Driver: "disk.example", Class: "daily", Mode: "Filesystem", Size: 8 << 30,
				Pods: []string{"db-0"},
			},
			{Namespace: "shop", Claim: "media", Source: "nfs", Reason: ReasonNFS, Detail: "a directory of a file server"},
			{Namespace: "shop", PodVolume: "web-1/cache", Source: "emptyDir", Reason: ReasonEphemeral, Detail: "it ends with its pod"},
			{Namespace: "shop", PodVolume: "web-2/cache", Source: "emptyDir", Reason: ReasonEphemeral, Detail: "it ends with its pod"},
		},
		Missing: []Lack{{
			Verb: "patch", Resource: "volumesnapshotcontents.snapshot.storage.k8s.io", Means: "snapshots can't be pinned",
		}},
	}
	if err := plan.WriteText(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// cluster 2f3a, group snapshots v1
	// volumes: 1 to be snapshotted, 3 not snapshottable: 1 with a claim, 2 of pods without one
	//
	// NAMESPACE  CLAIM  SIZE  MODE        DRIVER        CLASS  PODS
	// shop       db     8Gi   Filesystem  disk.example  daily  db-0
	//
	// Claims that can't be snapshotted:
	//   shop/media: nfs: a directory of a file server
	//
	// Volumes of pods without a claim, which are not snapshotted:
	//   shop/cache (emptyDir) of web-1, web-2: ephemeral: it ends with its pod
	//
	// Missing:
	//   no right to patch volumesnapshotcontents.snapshot.storage.k8s.io: snapshots can't be pinned
}

func TestLacks(t *testing.T) {
	for want, l := range map[string]Lack{
		"x.example is not served: nothing works":             {Resource: "x.example", Means: "nothing works"},
		"no right to list pods in namespace shop: no pods":   {Namespace: "shop", Verb: "list", Resource: "pods", Means: "no pods"},
		"no right to list persistentvolumes: no driver":      {Verb: "list", Resource: "persistentvolumes", Means: "no driver"},
		"no right to get x in namespace \u202eevil: nothing": {Namespace: "\u202eevil", Verb: "get", Resource: "x", Means: "nothing"},
	} {
		if l.String() != want {
			t.Errorf("%+v is %q, want %q", l, l, want)
		}
	}
}

const evil = "a\x1b[2J\x9b31m\u202e\u2028\r\n\tb\xff\u0085"

// hostile makes a plan in which every text is evil.
func hostile(evil string) *Plan {
	v := Volume{Namespace: evil, Claim: evil, PV: evil, Source: evil, Driver: evil, StorageClass: evil, Class: evil, Mode: evil}
	v.Pods = []string{evil, evil}
	refused, ofPod := v, v
	refused.Reason, refused.Detail = Reason(evil), evil
	ofPod.Reason, ofPod.Claim, ofPod.PodVolume = ReasonNFS, "", evil+"/"+evil
	return &Plan{
		Cluster: evil, Groups: evil, Volumes: []Volume{v, refused, ofPod},
		Missing: []Lack{{evil, evil, evil, evil}, {Resource: evil}},
	}
}

func TestTextIsHarmlessWhateverNamesAre(t *testing.T) {
	write := func(p *Plan) string {
		var text strings.Builder
		if err := p.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	got, usual := write(hostile(evil)), write(hostile("name"))
	if strings.Count(got, "\n") != strings.Count(usual, "\n") {
		t.Errorf("the text has other lines than usual:\n%q", got)
	}
	for _, r := range got {
		if r != '\n' && (r < ' ' || r == utf8.RuneError || r >= 0x7f && r < 0xa0 || r == 0x202e || r == 0x2028) {
			t.Errorf("the text has %U:\n%q", r, got)
		}
	}
	if long := write(hostile(strings.Repeat("ä", 1<<20))); len(long) > 40*(maxText+500) {
		t.Errorf("long names make a text of %d bytes", len(long))
	}
}

func FuzzPlain(f *testing.F) {
	f.Add(evil)
	f.Add(strings.Repeat("ü", maxText))
	f.Fuzz(func(t *testing.T, s string) {
		got := plain(s)
		if !utf8.ValidString(got) || len(got) > maxText+len("...") || strings.ContainsAny(got, "\x1b\n\r\t\u202e\u2028") {
			t.Errorf("%q becomes %q", s, got)
		}
		if plain(got) != got && len(got) <= maxText {
			t.Errorf("%q becomes %q, and that %q", s, got, plain(got))
		}
	})
}

func TestPlanAsJSON(t *testing.T) {
	want := hostile("a\x1b\u202eb")
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Plan
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&got, want) {
		t.Errorf("read back is %+v, want %+v", got, want)
	}
	empty, err := json.Marshal(Plan{Volumes: []Volume{}})
	if err != nil || string(empty) != `{"volumes":[]}` {
		t.Errorf("an empty plan is %s, %v", empty, err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestTextThatCantBeWritten(t *testing.T) {
	if err := hostile("x").WriteText(broken{}); err == nil {
		t.Error("a text that was not written is no error")
	}
}
