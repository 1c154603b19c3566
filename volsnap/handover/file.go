package handover

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/clustersnap/clustersnap/internal/strictjson"
)

// What a file of records says of itself.
const (
	format  = "clustersnap volume snapshots"
	version = 1
)

// Bounds of a file of records. A record has about a kilobyte. Millions of empty labels take twelve times their bytes in
// memory, nothing takes more.
const (
	maxFile    = 16 << 20
	maxRecords = 10_000
)

// ErrNewer is the error of records that a later version of this library has written.
var ErrNewer = errors.New("records of a newer version")

// file is the JSON of all records. The version comes before what may change with it.
type file struct {
	Format  string   `json:"format"`
	Version int      `json:"version"`
	Records []Record `json:"records"`
}

// Write writes records as one JSON document, which belongs into the backup set of the objects that they are from. It has at
// most 10,000 records and 16 MiB: write several for more.
func Write(w io.Writer, records []Record) error {
	if len(records) > maxRecords {
		return fmt.Errorf("write records: %d are more than the %d that are read again: write several files",
			len(records), maxRecords)
	}
	for i := range records {
		if err := records[i].check(); err != nil {
			return fmt.Errorf("write record %d: %w", i, err)
		}
	}
	if records == nil {
		records = []Record{}
	}
	text, err := json.MarshalIndent(file{format, version, records}, "", "  ")
	if err != nil {
		return fmt.Errorf("write records: %w", err)
	}
	if len(text) > maxFile {
		return fmt.Errorf("write records: %d bytes are more than the %d that are read again: write several files", len(text), maxFile)
	}
	if _, err := w.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("write records: %w", err)
	}
	return nil
}

// Read reads what Write wrote, within the bounds that it has, and nothing else: unknown and repeated keys, and whatever
// follows, are errors, and so is a part of a file. Records of a later version are ErrNewer.
func Read(r io.Reader) ([]Record, error) {
	bounded := &io.LimitedReader{R: r, N: maxFile + 1}
	records, err := read(json.NewDecoder(bounded))
	switch {
	case bounded.N == 0:
		return nil, fmt.Errorf("read records: more than %d bytes", maxFile)
	case err != nil:
		return nil, fmt.Errorf("read records: %w", err)
	}
	return records, nil
}

func read(d *json.Decoder) ([]Record, error) {
	records := []Record{}
	err := strictjson.Object(d, strictjson.Fields{
		"format":  func() error { return readFormat(d) },
		"version": func() error { return readVersion(d) },
		"records": func() error {
			return strictjson.Array(d, func() error {
				if len(records) == maxRecords {
					return fmt.Errorf("more than %d", maxRecords)
				}
				r, err := readRecord(d)
				if err != nil {
					return fmt.Errorf("record %d: %w", len(records), err)
				}
				records = append(records, r)
				return nil
			})
		},
	}, nil)
	if err != nil {
		return nil, err
	}
	return records, strictjson.End(d)
}

func readFormat(d *json.Decoder) error {
	var got string
	if err := d.Decode(&got); err != nil {
		return err
	}
	if got != format {
		return fmt.Errorf("%.100q where %q belongs", got, format)
	}
	return nil
}

func readVersion(d *json.Decoder) error {
	var got int
	if err := d.Decode(&got); err != nil {
		return err
	}
	switch {
	case got > version:
		return fmt.Errorf("%w: they are of version %d, and this program knows %d: take a newer one", ErrNewer, got, version)
	case got < 1:
		return fmt.Errorf("there is no version %d", got)
	}
	return nil
}

func readRecord(d *json.Decoder) (Record, error) {
	var r Record
	err := strictjson.Object(d, strictjson.Fields{"driver": &r.Driver, "handle": &r.Handle}, strictjson.Fields{
		"volume": &r.Volume, "cut": &r.Cut, "restoreSize": &r.RestoreSize, "mode": &r.Mode,
		"cluster": &r.Cluster, "namespace": &r.Namespace, "snapshot": &r.Snapshot, "run": &r.Run, "class": &r.Class,
		"claim": &r.Claim, "size": &r.Size, "accessModes": &r.AccessModes, "fsType": &r.FSType,
		"storageClass": &r.StorageClass, "labels": func() error { return readLabels(d, &r) },
		"group": &r.Group, "groupHandle": &r.GroupHandle, "deletionSecret": &r.DeletionSecret,
	})
	if err != nil {
		return Record{}, err
	}
	return r, r.check()
}

// readLabels reads keys one by one: encoding/json would take one twice.
func readLabels(d *json.Decoder, r *Record) error {
	if t, err := token(d); err != nil || t != json.Delim('{') {
		return errors.Join(err, fmt.Errorf("%v where an object belongs", t))
	}
	r.Labels = map[string]string{}
	for d.More() {
		key, err := text(d)
		if err != nil {
			return err
		}
		value, err := text(d)
		if err != nil {
			return err
		}
		if _, twice := r.Labels[key]; twice || len(r.Labels) == maxLabels {
			return fmt.Errorf("label %.100q is there twice, or one too many", key)
		}
		r.Labels[key] = value
	}
	_, err := token(d)
	return err
}

func text(d *json.Decoder) (string, error) {
	t, err := token(d)
	s, is := t.(string)
	if err == nil && !is {
		err = fmt.Errorf("%v where a text belongs", t)
	}
	return s, err
}

func token(d *json.Decoder) (json.Token, error) {
	t, err := d.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return t, err
}
