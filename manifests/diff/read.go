package diff

import (
	"context"
	"errors"
	"fmt"

	"github.com/clustersnap/clustersnap/manifests"
)

// read gives the objects of a row as trees, nil for those that are absent, or gone since they were listed. It corrects their
// classes in the row.
func (c *comparison) read(ctx context.Context, r *row, o *outcome) (trees [sides]any, err error) {
	for i, e := range r {
		switch {
		case e == nil && c.from[i] != nil:
			if _, err := c.lookedFor(i, *r); err != nil {
				return trees, fmt.Errorf("side %s may have it: %w", names[i], err)
			}
		case e == nil:
		case i != base && r[base] != nil && same(r[base], e):
			trees[i] = clone(trees[base])
			r.setClass(i, r[base].Class)
		default:
			if trees[i], err = c.readOne(ctx, r, i, o); err != nil {
				return trees, fmt.Errorf("read side %s: %w", names[i], err)
			}
		}
	}
	return trees, c.align(ctx, *r, &trees, o)
}

// readOne gives an object of one side.
func (c *comparison) readOne(ctx context.Context, r *row, side int, o *outcome) (any, error) {
	text, class, err := c.text(ctx, *r, side)
	if errors.Is(err, ErrGone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	o.read++
	r.setClass(side, class)
	return parseObject(text)
}

func (c *comparison) text(ctx context.Context, r row, side int) ([]byte, manifests.Class, error) {
	e := *r[side]
	if w, ok := c.from[side].(writer); ok && (r[before] == nil || r[after] == nil) {
		return w.written(ctx, e) // there is nothing that the server's form would have to be like
	}
	return classified(ctx, c.from[side], e)
}

// align reads an object again in the version of the others, where a side can do that: a file may be written in another
// version than the one that a cluster is read at. A version that is not served any more shows as a difference.
func (c *comparison) align(ctx context.Context, r row, trees *[sides]any, o *outcome) error {
	for i := range trees {
		v, ok := c.from[i].(versioned)
		if want := versionBeside(i, *trees); !ok || want == "" {
			continue
		} else if text, err := v.InVersion(ctx, *r[i], want); err == nil {
			o.read++
			if trees[i], err = parseObject(text); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// versionBeside gives the apiVersion of the other sides, if the one of this side is another.
func versionBeside(side int, trees [sides]any) string {
	objects := mapsOf(trees)
	own := stringAt(objects[side], "apiVersion")
	for _, other := range objects {
		if version := stringAt(other, "apiVersion"); own != "" && version != "" && version != own {
			return version
		}
	}
	return ""
}
