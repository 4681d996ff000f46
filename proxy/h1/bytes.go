package h1

import "math/bits"

// text is what heads are made of: bytes that were received, strings to be sent.
type text interface{ string | []byte }

// What a byte may be part of. The table is made once and never changed.
const (
	inToken  = 1 << iota // RFC 9110 section 5.6.2
	inTarget             // what a request target is made of: visible ASCII, more than RFC 3986 has
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
	for c := '!'; c <= '~'; c++ {
		if c != '#' {
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

func allOf[T text](class uint8, s T) bool {
	for i := range len(s) {
		if byteClass[s[i]]&class == 0 {
			return false
		}
	}
	return true
}

func allTokens[T text](s T) bool { return len(s) > 0 && allOf(inToken, s) }

// isControl: the byte has no place in a field value, a reason or a chunk
// extension. A tab is none.
func isControl(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }

// textEnd is the index of the first control byte of s from i on, or len(s). It
// looks at eight bytes at a time: most of every head is text.
func textEnd[T text](s T, i int) int {
	for rest := s[i:]; len(rest) >= 8; rest = s[i:] {
		found := controlsIn(word(rest))
		if found == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(found) / 8
		if s[i] != '\t' {
			return i
		}
		i++
	}
	for i < len(s) && !isControl(s[i]) {
		i++
	}
	return i
}

// word is the first eight bytes of s, the first of them lowest; the compiler
// makes one load of it.
func word[T text](s T) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// controlsIn sets the highest bit of the first byte of a word, in memory order,
// that is below a space or is 0x7f. Later bytes may be marked wrongly: what is
// subtracted borrows from the next.
func controlsIn(w uint64) uint64 {
	const each, high = 0x0101010101010101, 0x8080808080808080
	return ((w - each*' ') | (w ^ each*0x7f - each)) & ^w & high
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
func trimSpace[T text](s T) T {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }
