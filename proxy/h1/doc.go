// Package h1 is an HTTP/1.1 engine for a proxy: a server side that calls a plain
// [http.Handler], and an upstream side that sends requests and hands answers over
// without rebuilding them. It knows nothing of Targets, Docker or labels.
//
// Why not net/http, whose types and contracts it keeps: what a proxied request
// costs there is a dozen system calls and wake-ups, timers and some eighty
// allocations. Here it is one read and one write on each side. Three habits make
// that possible:
//
//   - A socket is read and written without telling the scheduler, because a call
//     on a non-blocking socket does not block ([link]).
//   - No operation sets a deadline. Who is about to wait notes until when, and a
//     [Watchdog] that looks around a few times a second interrupts whoever is late.
//   - Bytes stay in the buffer they were read into. The head of an answer is
//     rewritten in front of the body that came with it, and both leave in one write.
//
// The parser is strict (RFC 9112): what could be read in two ways is refused.
package h1
