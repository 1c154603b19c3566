// Package strictjson reads JSON objects that every reader understands alike. encoding/json
// takes keys in any case, takes a key twice and merges the values, and takes null for
// anything; other readers do otherwise, and a file that is checked by one and used by the other must
// not depend on it.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Fields are the keys of an object, and where their values go: a pointer, or a func() error
// that reads the value from the same decoder.
type Fields map[string]any

// Object reads an object that has each key of required exactly once, each of optional at
// most once, letter for letter, and no other. Values are not null, but for a
// [json.RawMessage].
func Object(d *json.Decoder, required, optional Fields) error {
	if err := delim(d, '{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		key, ok := token.(string)
		if !ok {
			return fmt.Errorf("%v is no key", token)
		}
		into, known := required[key]
		if !known {
			into, known = optional[key]
		}
		if !known || seen[key] {
			return fmt.Errorf("key %q is unknown or there twice", key)
		}
		seen[key] = true
		if err := value(d, into); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	for key := range required {
		if !seen[key] {
			return fmt.Errorf("key %q is missing", key)
		}
	}
	return delim(d, '}')
}

// Array reads an array, whose values each reads from the decoder.
func Array(d *json.Decoder, each func() error) error {
	if err := delim(d, '['); err != nil {
		return err
	}
	for d.More() {
		if err := each(); err != nil {
			return err
		}
	}
	return delim(d, ']')
}

// End makes sure that nothing follows but white space.
func End(d *json.Decoder) error {
	if _, err := d.Token(); err != io.EOF {
		return errors.New("bytes after the end")
	}
	return nil
}

func value(d *json.Decoder, into any) error {
	if read, ok := into.(func() error); ok {
		return read()
	}
	if raw, ok := into.(*json.RawMessage); ok {
		return d.Decode(raw)
	}
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return err
	}
	if bytes.Equal(raw, []byte("null")) {
		return errors.New("null")
	}
	return json.Unmarshal(raw, into)
}

func delim(d *json.Decoder, want json.Delim) error {
	token, err := d.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("%v where %v belongs", token, want)
	}
	return nil
}
