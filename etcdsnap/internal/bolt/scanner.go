package bolt

// Scanner finds the branch and leaf pages of a database as its bytes come by, in the order of the file. Which of them
// belong to a tree is known only at the end: free pages hold stale ones, and bytes of a value can look like one. So
// every place where a page could begin counts, also in the middle of another page's overflow.
type Scanner struct {
	// Visit is given each page; it is the scanner's until Visit returns. Err says what is wrong with
	// it: then only the id is to be used. Once it does not want more, no page is looked at any more.
	Visit func(p Page, err error) (more bool)
	// Looked counts the bytes of all pages so far. Where pages lie over each other they are more than have passed.
	Looked int64

	Metas // once Ready
	ready bool
	done  bool
	buf   []byte // from page next on
	next  uint64
}

// Ready reports whether the meta pages have been read.
func (s *Scanner) Ready() bool { return s.ready }

// Write takes the next bytes. Those behind the last page are not looked at.
func (s *Scanner) Write(b []byte) (int, error) {
	n := len(b)
	if !s.ready {
		s.buf = append(s.buf, b...)
		if len(s.buf) < HeadSize {
			return n, nil
		}
		return n, s.begin()
	}
	if len(s.buf) == 0 { // nothing to join: the pages are looked at where they are
		s.buf = append(s.buf, b[s.scan(b):]...)
		return n, nil
	}
	s.buf = append(s.buf, b...)
	s.buf = s.buf[:copy(s.buf, s.buf[s.scan(s.buf):])]
	return n, nil
}

// Finish ends the bytes: a database may be shorter than HeadSize.
func (s *Scanner) Finish() error {
	if !s.ready {
		return s.begin()
	}
	return nil
}

func (s *Scanner) begin() (err error) {
	if s.Metas, err = ParseMetas(s.buf); err != nil {
		return err
	}
	s.ready, s.next = true, 2
	rest := s.buf[min(len(s.buf), 2*s.PageSize):]
	s.buf = append([]byte(nil), rest[s.scan(rest):]...)
	return nil
}

// scan visits the pages that are whole in b, and says how many bytes it is done with.
func (s *Scanner) scan(b []byte) int {
	done := 0
	for ; len(b)-done >= s.PageSize && s.next < s.Pages && !s.done; s.next++ {
		run, err := runOf(b[done:], s.next, s.Meta)
		if err != nil {
			s.done = !s.Visit(Page{ID: s.next}, err)
		} else if run > 0 {
			size := int(run) * s.PageSize
			if len(b)-done < size {
				return done
			}
			s.Looked += int64(size)
			s.done = !s.Visit(parsePage(b[done:done+size], s.next))
		}
		done += s.PageSize
	}
	if s.next == s.Pages || s.done {
		return len(b)
	}
	return done
}
