package tree

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/clustersnap/clustersnap/manifests"
)

// dump is what has come since Begin.
type dump struct {
	at    manifests.Instant
	fresh map[fingerprint]struct{}
	runs  runs
	known words
	stage *stage // made for the first thing that has to be on disk
}

// has reports whether an object has come.
func (d *dump) has(k manifests.Key) bool {
	_, ok := d.fresh[fingerprintOf(Path(k))]
	return ok
}

func (d *dump) add(t *Tree, o *manifests.Object) error {
	r := newRecord(o, d.known)
	if isSecret(r.Key) {
		r.form = t.opts.Secrets.form()
	}
	if err := r.check(); err != nil {
		return err
	}
	f := fingerprintOf(Path(r.Key))
	if _, twice := d.fresh[f]; twice {
		return errTwice
	}
	body, err := d.body(t, o, r, f)
	if err != nil {
		return err
	}
	if body != nil {
		if err := d.put(t, body, r); err != nil {
			return err
		}
	}
	d.fresh[f] = struct{}{}
	if d.runs.add(r); !d.runs.full() {
		return nil
	}
	if err := d.open(t); err != nil {
		return err
	}
	t.opts.Step("stage what is known of " + strconv.Itoa(runLength) + " objects")
	return d.runs.spill(d.stage.root)
}

// body gives the bytes that the file has to have, or nil if it has them. It completes the record but for the file's time.
func (d *dump) body(t *Tree, o *manifests.Object, r *record, f fingerprint) ([]byte, error) {
	old := t.held.find(f)
	if old != nil && !old.intact {
		old = nil
	}
	body := o.YAML
	var err error
	switch r.form {
	case excluded:
		return nil, nil
	case redacted:
		if body, err = t.opts.Key.Redact(r.Key, o.YAML); err != nil {
			return nil, err
		}
		r.sum = sha256.Sum256(body)
	case encrypted:
		r.mac = t.opts.mac(t.readers, r.Key, o.YAML)
		if old != nil && old.form == encrypted.code() && t.held.macs[f] == r.mac {
			r.sum, r.size, r.modified = old.sum, int64(old.size), old.modified
			return nil, nil
		}
		if body, err = seal(o.YAML, t.opts.Recipients); err != nil {
			return nil, err
		}
		r.sum = sha256.Sum256(body)
	default:
		if raw, err := hex.DecodeString(o.Hash); err != nil || copy(r.sum[:], raw) != len(r.sum) {
			return nil, fmt.Errorf("its hash %q is no SHA-256", o.Hash)
		}
	}
	if r.size = int64(len(body)); r.size > maxFile {
		return nil, fmt.Errorf("it takes %d bytes, of at most %d", r.size, maxFile)
	}
	if old != nil && old.sum == r.sum {
		r.modified = old.modified
		return nil, nil
	}
	if sha256.Sum256(body) != r.sum {
		return nil, errors.New("its hash is not that of its YAML")
	}
	return body, nil
}

// put writes a file to the stage.
func (d *dump) put(t *Tree, body []byte, r *record) error {
	if err := d.open(t); err != nil {
		return err
	}
	p := r.path()
	t.opts.Step("stage " + p)
	var err error
	if r.modified, err = d.stage.write(p, body); err != nil {
		return err
	}
	r.staged = true
	return nil
}

// open makes an empty stage, unless there is one.
func (d *dump) open(t *Tree) error {
	if d.stage != nil {
		return nil
	}
	if err := t.clear(); err != nil {
		return err
	}
	var err error
	d.stage, err = newStage(t.root)
	return err
}

// drop removes what was staged.
func (d *dump) drop(t *Tree) error {
	return errors.Join(d.close(), t.clear())
}

func (d *dump) close() error {
	if d.stage == nil {
		return nil
	}
	err := errors.Join(d.runs.close(d.stage.root), d.stage.close())
	d.stage = nil
	return err
}

func digestOf(root *os.Root, name string) (sum [32]byte, err error) {
	f, err := root.Open(name)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	hash := sha256.New()
	_, err = io.Copy(hash, f)
	return [32]byte(hash.Sum(nil)), err
}
