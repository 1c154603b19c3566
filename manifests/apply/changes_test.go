package apply

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// parse reads the JSON of an object.
func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	object, err := decodeJSON([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return object
}

func TestDifferences(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want []string
	}{
		{`{"a":1}`, `{"a":1}`, nil},
		{`{"a":{"b":1}}`, `{"a":{"b":2}}`, []string{"a.b"}},
		{`{"a":{"b":1}}`, `{"a":{}}`, []string{"a.b"}},
		{`{"a":{}}`, `{}`, []string{"a"}},
		{`{"a":null}`, `{}`, []string{"a"}},
		{`{"a":1}`, `{"a":"1"}`, []string{"a"}},
		{`{"z":1,"a":1}`, `{"z":2,"a":2}`, []string{"a", "z"}},
		{`{"l":[{"p":1},{"p":2}]}`, `{"l":[{"p":1},{"p":3}]}`, []string{"l[1].p"}},
		{`{"l":[1]}`, `{"l":[1,2]}`, []string{"l"}},
		{`{"metadata":{"labels":{"a.b/c":"1"}}}`, `{"metadata":{"labels":{"a.b/c":"2"}}}`, []string{`metadata.labels["a.b/c"]`}},
		{`{"a b":1}`, `{}`, []string{`["a b"]`}},
	} {
		if got := differences(parse(t, c.a), parse(t, c.b)); !slices.Equal(got, c.want) {
			t.Errorf("%s and %s differ at %q, want %q", c.a, c.b, got, c.want)
		}
	}
}

func TestMoveTo(t *testing.T) {
	for name, c := range map[string]struct{ live, from, to, want string }{
		"what nobody restores stays": {
			`{"status":{"a":1},"spec":{"clusterIP":"10.0.0.1","type":"A"}}`, `{"spec":{"type":"A"}}`, `{"spec":{"type":"B"}}`,
			`{"status":{"a":1},"spec":{"clusterIP":"10.0.0.1","type":"B"}}`,
		},
		"what was added goes": {`{"data":{"a":1,"b":2}}`, `{"data":{"a":1,"b":2}}`, `{"data":{"a":1}}`, `{"data":{"a":1}}`},
		"an emptied map goes": {`{"data":{"a":"1"}}`, `{"data":{"a":"1"}}`, `{}`, `{}`},
		"a map with something of the system stays": {
			`{"annotations":{"mine":"1","system":"2"}}`, `{"annotations":{"mine":"1"}}`, `{}`, `{"annotations":{"system":"2"}}`,
		},
		"a list that is the same stays as it is": {
			`{"ports":[{"port":80,"nodePort":30001}],"a":1}`,
			`{"ports":[{"port":80}],"a":1}`, `{"ports":[{"port":80}],"a":2}`,
			`{"ports":[{"port":80,"nodePort":30001}],"a":2}`,
		},
		"a list that differs is changed as a whole": {
			`{"ports":[{"port":80,"nodePort":30001}]}`, `{"ports":[{"port":80}]}`, `{"ports":[{"port":81}]}`, `{"ports":[{"port":81}]}`,
		},
		"something new": {`{"a":1}`, `{"a":1}`, `{"a":1,"b":{"c":2}}`, `{"a":1,"b":{"c":2}}`},
		"another type":  {`{"a":{"b":1}}`, `{"a":{"b":1}}`, `{"a":[1]}`, `{"a":[1]}`},
		"into what only the system has": {
			`{"annotations":{"system":"2"}}`, `{}`, `{"annotations":{"mine":"1"}}`, `{"annotations":{"mine":"1","system":"2"}}`,
		},
	} {
		live := parse(t, c.live)
		moveTo(live, parse(t, c.from), parse(t, c.to))
		if want := parse(t, c.want); !reflect.DeepEqual(live, want) {
			t.Errorf("%s: %v, want %v", name, live, want)
		}
	}
}

// random makes a value of few keys, so that two have much in common.
func random(r *rand.Rand, depth int) map[string]any {
	m := map[string]any{}
	for _, key := range []string{"a", "b", "c"} {
		switch n := r.IntN(6); {
		case n < 2 && depth > 0:
			m[key] = random(r, depth-1)
		case n == 2:
			m[key] = []any{int64(r.IntN(2))}
		case n < 5:
			m[key] = int64(r.IntN(3))
		}
	}
	return m
}

func TestMoveToIsWhatItSays(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		from, to := random(r, 3), random(r, 3)
		text, err := json.Marshal([]any{from, to})
		if err != nil {
			t.Fatal(err)
		}
		live := parse(t, string(must(json.Marshal(from))))
		moveTo(live, from, to)
		if d := differences(live, to); len(d) != 0 {
			t.Fatalf("%s: it differs from its aim at %q", text, d)
		}
		live = parse(t, string(must(json.Marshal(from))))
		if moveTo(live, from, from); len(differences(live, from)) != 0 {
			t.Fatalf("%s: a move to itself makes %v", text, live)
		}
	}
}

func must(raw []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return raw
}
