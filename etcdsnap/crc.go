package etcdsnap

import "hash/crc32"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// crc is a CRC-32C over bytes whose parts were hashed apart, in any order.
type crc uint32

// add appends bytes.
func (c crc) add(b []byte) crc { return crc(crc32.Update(uint32(c), castagnoli, b)) }

// join appends bytes of which only the sum and the number are known: a CRC is linear, so what n zero bytes do to it is a
// matrix over its bits, the product of those for powers of two (zlib's crc32_combine).
func (c crc) join(tail crc, n uint64) crc {
	for i := 0; n > 0; i, n = i+1, n>>1 {
		if n&1 != 0 {
			c = zeros[i].apply(c)
		}
	}
	return c ^ tail
}

// matrix holds the images of each byte of a CRC.
type matrix [4][256]crc

func (m *matrix) apply(c crc) crc {
	return m[0][c&0xff] ^ m[1][c>>8&0xff] ^ m[2][c>>16&0xff] ^ m[3][c>>24]
}

// newMatrix makes the one that has the images of each bit.
func newMatrix(image func(bit crc) crc) *matrix {
	m := new(matrix)
	for i := range m {
		for bit := range 8 {
			step := 1 << bit
			m[i][step] = image(1 << (8*i + bit))
			for b := range step {
				m[i][step+b] = m[i][step] ^ m[i][b]
			}
		}
	}
	return m
}

// zeros[i] is what 2^i zero bytes do.
var zeros = func() (powers [41]*matrix) {
	m := newMatrix(func(bit crc) crc { // one zero bit
		if bit == 1 {
			return crc32.Castagnoli
		}
		return bit >> 1
	})
	square := func() { half := m; m = newMatrix(func(bit crc) crc { return half.apply(half.apply(bit)) }) }
	for range 3 { // to a byte
		square()
	}
	for i := range powers {
		powers[i] = m
		square()
	}
	return powers
}()
