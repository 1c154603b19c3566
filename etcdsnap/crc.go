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

// matrix holds the image of each bit.
type matrix [32]crc

func (m *matrix) apply(c crc) (sum crc) {
	for i := 0; c != 0; i, c = i+1, c>>1 {
		if c&1 != 0 {
			sum ^= m[i]
		}
	}
	return sum
}

// zeros[i] is what 2^i zero bytes do.
var zeros = func() (powers [41]matrix) {
	var bit matrix // one zero bit
	bit[0] = crc32.Castagnoli
	for i := 1; i < 32; i++ {
		bit[i] = 1 << (i - 1)
	}
	for i := range powers {
		half := &bit
		if i > 0 {
			half = &powers[i-1]
		}
		for j := range powers[i] {
			powers[i][j] = half.apply(half[j])
			if i == 0 { // eight bits are three squares
				for range 6 {
					powers[i][j] = bit.apply(powers[i][j])
				}
			}
		}
	}
	return powers
}()
