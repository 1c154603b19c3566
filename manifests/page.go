package manifests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

const (
	// maxItem bounds one object as JSON. Etcd takes 1.5 MiB of protobuf by default, which control characters in JSON
	// ("\u0001") make six times as long.
	maxItem = 16 << 20
	// maxListMeta bounds what a list has beside its items.
	maxListMeta = 1 << 20
	// firstBuffer is what most objects fit in many times.
	firstBuffer = 64 << 10
)

// listMeta is what a list says of itself: k8s.io/apimachinery/pkg/apis/meta/v1, ListMeta.
type listMeta struct {
	ResourceVersion    string `json:"resourceVersion"`
	Continue           string `json:"continue"`
	RemainingItemCount *int64 `json:"remainingItemCount"`
}

// numeric reports whether the list has a revision, as every list of kube-apiserver has.
func (m listMeta) numeric() bool {
	n, err := strconv.ParseUint(m.ResourceVersion, 10, 64)
	return err == nil && n > 0
}

// tooLargeError says that an object, or an answer, is larger than what is read of one.
type tooLargeError struct{ limit int }

func (e *tooLargeError) Error() string {
	return fmt.Sprintf("more than %d bytes in one piece", e.limit)
}

// splitter cuts a list in JSON into its items while it arrives. It holds one item at a time, and checks no more of one
// than where it ends.
type splitter struct {
	r   io.Reader
	buf []byte // its used part is buf[pos:end]
	pos int
	end int
}

// newSplitter takes a buffer to use, which may be nil.
func newSplitter(r io.Reader, buf []byte) *splitter {
	if buf == nil {
		buf = make([]byte, firstBuffer)
	}
	return &splitter{r: r, buf: buf}
}

// list reads a whole list and hands each item to item, valid until it returns. The metadata of a list comes before its
// items for the resources that are compiled in, and after them for custom resources.
func (s *splitter) list(item func(raw []byte) error) (listMeta, error) {
	var meta listMeta
	var metas, lists int
	err := s.object(func(key string) error {
		switch key {
		case `"items"`:
			lists++
			return s.array(item)
		case `"metadata"`:
			metas++
			raw, err := s.value(maxListMeta)
			if err != nil {
				return err
			}
			return json.Unmarshal(raw, &meta)
		default:
			_, err := s.value(maxListMeta)
			return err
		}
	})
	if err == nil && (metas != 1 || lists != 1) {
		err = errors.New("the answer is no list")
	}
	if err == nil {
		err = s.nothingMore()
	}
	if err != nil {
		return listMeta{}, fmt.Errorf("read list: %w", err)
	}
	return meta, nil
}

// object reads an object. member reads the value of the key that it is told, as it stands, with its quotes.
func (s *splitter) object(member func(key string) error) error {
	return s.sequence('{', '}', func() error {
		raw, err := s.value(maxListMeta)
		if err != nil {
			return err
		}
		key := string(raw)
		if next, err := s.next(); err != nil || next != ':' {
			return unexpected(next, err)
		}
		s.pos++
		return member(key)
	})
}

// array reads an array, or null, which has no items.
func (s *splitter) array(item func(raw []byte) error) error {
	if first, err := s.next(); err != nil {
		return err
	} else if first == 'n' {
		_, err := s.value(maxListMeta)
		return err
	}
	return s.sequence('[', ']', func() error {
		raw, err := s.value(maxItem)
		if err != nil {
			return err
		}
		return item(raw)
	})
}

// sequence reads what stands between two brackets, separated by commas.
func (s *splitter) sequence(open, end byte, element func() error) error {
	next, err := s.next()
	if err != nil || next != open {
		return unexpected(next, err)
	}
	s.pos++
	for first := true; ; first = false {
		next, err := s.next()
		switch {
		case err != nil:
			return err
		case next == end:
			s.pos++
			return nil
		case first:
		case next == ',':
			s.pos++
		default:
			return unexpected(next, nil)
		}
		if err := element(); err != nil {
			return err
		}
	}
}

// nothingMore holds that the list was all.
func (s *splitter) nothingMore() error {
	next, err := s.next()
	if err == io.ErrUnexpectedEOF {
		return nil
	}
	return unexpected(next, err)
}

func unexpected(b byte, err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("unexpected %q", b)
}

// next gives the next byte that is no blank, and stays before it. At the end of the list it is io.ErrUnexpectedEOF.
func (s *splitter) next() (byte, error) {
	for {
		for ; s.pos < s.end; s.pos++ {
			switch b := s.buf[s.pos]; b {
			case ' ', '\t', '\r', '\n':
			default:
				return b, nil
			}
		}
		if err := s.more(firstBuffer); err != nil {
			return 0, err
		}
	}
}

// more reads on. What lies before pos is given up; the rest may have limit bytes.
func (s *splitter) more(limit int) error {
	if s.pos > 0 {
		s.end = copy(s.buf, s.buf[s.pos:s.end])
		s.pos = 0
	}
	if s.end == len(s.buf) {
		if s.end >= limit {
			return &tooLargeError{limit}
		}
		s.buf = append(s.buf, make([]byte, min(len(s.buf), limit-len(s.buf)))...)
	}
	for range 100 { // as bufio: a reader that gives nothing again and again is broken
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		switch {
		case n > 0:
			return nil
		case err == io.EOF:
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		}
	}
	return io.ErrNoProgress
}

// value reads one value of at most limit bytes, which is valid until the next read.
func (s *splitter) value(limit int) ([]byte, error) {
	first, err := s.next()
	if err != nil {
		return nil, err
	}
	var n int
	switch first {
	case '{', '[':
		n, err = s.nested(limit)
	case '"':
		n, err = s.text(0, limit)
	default:
		n, err = s.literal(limit)
	}
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, &tooLargeError{limit}
	}
	raw := s.buf[s.pos : s.pos+n]
	s.pos += n
	return raw, nil
}

// nested gives the length of the object or array at pos.
func (s *splitter) nested(limit int) (int, error) {
	depth := 0
	for n := 0; ; {
		window := s.buf[s.pos+n : s.end]
		for i := 0; i < len(window); i++ {
			switch window[i] {
			case '"':
				end, err := s.text(n+i, limit)
				if err != nil {
					return 0, err
				}
				// The buffer may be another one now.
				window = s.buf[s.pos+n : s.end]
				i = end - n - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return n + i + 1, nil
				}
			}
		}
		n += len(window)
		if err := s.more(limit + 1); err != nil {
			return 0, err
		}
	}
}

// text gives where the string ends that begins n bytes after pos.
func (s *splitter) text(n, limit int) (int, error) {
	open := n
	for n++; ; {
		window := s.buf[s.pos+n : s.end]
		quote := bytes.IndexByte(window, '"')
		if quote < 0 {
			n += len(window)
			if err := s.more(limit + 1); err != nil {
				return 0, err
			}
			continue
		}
		n += quote + 1
		inside := s.buf[s.pos+open+1 : s.pos+n-1]
		if slashes := len(inside) - len(bytes.TrimRight(inside, `\`)); slashes%2 == 0 {
			return n, nil
		}
	}
}

// literal gives the length of the number, true, false or null at pos.
func (s *splitter) literal(limit int) (int, error) {
	for n := 0; ; {
		for ; s.pos+n < s.end; n++ {
			switch s.buf[s.pos+n] {
			case ',', ':', ']', '}', ' ', '\t', '\r', '\n':
				if n == 0 {
					return 0, unexpected(s.buf[s.pos], nil)
				}
				return n, nil
			}
		}
		if err := s.more(min(limit, firstBuffer)); err != nil {
			return 0, err
		}
	}
}
