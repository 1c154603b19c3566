package strictjson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/clustersnap/clustersnap/internal/strictjson"
)

type thing struct {
	name  string
	sizes []int
	note  json.RawMessage
}

func parse(s string) (thing, error) {
	var t thing
	d := json.NewDecoder(strings.NewReader(s))
	err := strictjson.Object(d, strictjson.Fields{
		"name": &t.name,
		"sizes": func() error {
			return strictjson.Array(d, func() error {
				var n int
				err := d.Decode(&n)
				t.sizes = append(t.sizes, n)
				return err
			})
		},
	}, strictjson.Fields{"note": &t.note})
	if err == nil {
		err = strictjson.End(d)
	}
	return t, err
}

func TestObject(t *testing.T) {
	got, err := parse(`{"sizes":[1,2], "name":"a", "note":null} `)
	if err != nil || got.name != "a" || len(got.sizes) != 2 || string(got.note) != "null" {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := parse(`{"name":"a","sizes":[]}`); err != nil {
		t.Errorf("without the optional key: %v", err)
	}
}

func TestRefused(t *testing.T) {
	for _, s := range []string{
		``, `{`, `[]`, `"x"`, `null`,
		`{"name":"a"}`,
		`{"name":"a","sizes":[],"name":"b"}`,
		`{"name":"a","sizes":[],"sizes":[]}`,
		`{"Name":"a","sizes":[]}`,
		`{"name":"a","NAME":"a","sizes":[]}`,
		`{"name":null,"sizes":[]}`,
		`{"name":"a","sizes":null}`,
		`{"name":"a","sizes":{}}`,
		`{"name":7,"sizes":[]}`,
		`{"name":"a","sizes":[],"other":1}`,
		`{"name":"a","sizes":[]}{}`,
		`{"name":"a","sizes":[`,
		`{"name":"a","sizes":[]`,
	} {
		if got, err := parse(s); err == nil {
			t.Errorf("%s is read as %+v", s, got)
		}
	}
}
