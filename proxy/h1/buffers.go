package h1

import "sync"

const (
	// smallBuffer holds a head and, on the way back, most answers.
	smallBuffer = 8 << 10
	// largeBuffer is what long bodies go through: at this size a copy loop is
	// cheaper than splice(2) was.
	largeBuffer = 64 << 10
	// largeRoom lets a head of usual size stand before a body of largeBuffer.
	largeRoom = 8 << 10
)

var (
	smallBuffers = sync.Pool{New: func() any { return new([smallBuffer]byte) }}
	largeBuffers = sync.Pool{New: func() any { return new([largeBuffer + largeRoom]byte) }}
)

// getBuffer lends at least size bytes, or a small buffer for 0. What is in it is
// anybody's: nothing may be read that was not written.
func getBuffer(size int) []byte {
	switch {
	case size <= smallBuffer:
		return smallBuffers.Get().(*[smallBuffer]byte)[:]
	case size <= largeBuffer+largeRoom:
		return largeBuffers.Get().(*[largeBuffer + largeRoom]byte)[:]
	}
	return make([]byte, size)
}

// lendBuffer lends one for long messages, or for others.
func lendBuffer(long bool) []byte {
	if long {
		return getBuffer(largeBuffer)
	}
	return getBuffer(0)
}

// putBuffer takes a buffer back, which nobody may use any more.
func putBuffer(b []byte) {
	switch cap(b) {
	case smallBuffer:
		smallBuffers.Put((*[smallBuffer]byte)(b[:smallBuffer]))
	case largeBuffer + largeRoom:
		largeBuffers.Put((*[largeBuffer + largeRoom]byte)(b[:largeBuffer+largeRoom]))
	}
}
