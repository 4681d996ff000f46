package h1

import (
	"encoding/binary"
	"math/bits"
)

// What a byte may be part of. The table is made once and never changed.
const (
	inToken  = 1 << iota // RFC 9110 section 5.6.2
	inTarget             // what a request target is made of, raw UTF-8 included
	inHost               // names and IPv4 addresses
	inDigits
	inHex
)

var byteClass = func() (class [256]uint8) {
	mark := func(set string, as uint8) {
		for i := range len(set) {
			class[set[i]] |= as
		}
	}
	const digits, hex, letters = "0123456789", "abcdefABCDEF", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	mark(digits, inToken|inHost|inDigits|inHex)
	mark(hex, inHex)
	mark(letters, inToken|inHost)
	mark("-._", inHost)
	mark("!#$%&'*+-.^_`|~", inToken)
	for c := '!'; c <= 0xff; c++ {
		if c != 0x7f && c != '#' {
			class[c] |= inTarget
		}
	}
	return class
}()

// folded maps upper to lower case and an underscore to a hyphen: the servers
// behind a proxy turn both spellings of a name into the same variable.
var folded = func() (table [256]byte) {
	for i := range table {
		table[i] = byte(i)
	}
	for c := 'A'; c <= 'Z'; c++ {
		table[c] = byte(c) + 'a' - 'A'
	}
	table['_'] = '-'
	return table
}()

func isToken(c byte) bool  { return byteClass[c]&inToken != 0 }
func isTarget(c byte) bool { return byteClass[c]&inTarget != 0 }
func isDigit(c byte) bool  { return byteClass[c]&inDigits != 0 }
func isHex(c byte) bool    { return byteClass[c]&inHex != 0 }

func allOf(class uint8, b []byte) bool {
	for _, c := range b {
		if byteClass[c]&class == 0 {
			return false
		}
	}
	return true
}

func allTokens(b []byte) bool { return len(b) > 0 && allOf(inToken, b) }

// isControl: the byte has no place in a field value, a reason or a chunk
// extension. A tab is none.
func isControl(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }

// textEnd is the index of the first control byte of b from i on, or len(b). It
// looks at eight bytes at a time: most of every head is text.
func textEnd(b []byte, i int) int {
	for i+8 <= len(b) {
		found := controlsIn(binary.LittleEndian.Uint64(b[i:]))
		if found == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(found) / 8
		if b[i] != '\t' {
			return i
		}
		i++
	}
	for i < len(b) && !isControl(b[i]) {
		i++
	}
	return i
}

// controlsIn sets the highest bit of the first byte of word, in memory order,
// that is below a space or is 0x7f. Later bytes may be marked wrongly: what is
// subtracted borrows from the next.
func controlsIn(word uint64) uint64 {
	const each, high = 0x0101010101010101, 0x8080808080808080
	del := word ^ each*0x7f
	return ((word-each*' ')&^word | (del-each)&^del) & high
}

// equalFold compares without regard to case; lower is in lower case.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// trimSpace cuts the optional whitespace of RFC 9110 section 5.6.3.
func trimSpace[T string | []byte](s T) T {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }
