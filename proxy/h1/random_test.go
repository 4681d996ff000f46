package h1

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// Fuzzing changes bytes; this mixes lines. Most of what two readers disagree on
// is a line that each of them has seen before, beside another one.

// lineMixer makes messages of the lines of others.
type lineMixer struct {
	*rand.Rand
	starts       []string
	fields, good []string // all of them, and those that were let through somewhere
}

func newLineMixer(good []string, bad []refusal) *lineMixer {
	m := &lineMixer{Rand: rand.New(rand.NewPCG(7, 11))}
	for _, in := range good {
		m.add(in)
	}
	m.good = m.fields
	for _, c := range bad {
		if len(c.in) < 1000 {
			m.add(c.in)
		}
	}
	return m
}

func (m *lineMixer) add(message string) {
	head, _, _ := strings.Cut(message, "\r\n\r\n")
	start, fields, _ := strings.Cut(head, "\r\n")
	m.starts = append(m.starts, start)
	if fields != "" {
		m.fields = append(m.fields, strings.Split(fields, "\r\n")...)
	}
}

func (m *lineMixer) of(list []string) string { return list[m.IntN(len(list))] }

// end is the end of a line, mostly a good one.
func (m *lineMixer) end() string {
	if m.IntN(100) > 0 {
		return "\r\n"
	}
	return m.of([]string{"\n", "\r", "\r\r\n", "\r\n ", " \r\n", "\x00\r\n", ""})
}

// message begins with start or with any line, and often has the field.
func (m *lineMixer) message(start, field string) []byte {
	var b strings.Builder
	if m.IntN(2) == 0 {
		start = m.of(m.starts)
	}
	b.WriteString(start + m.end())
	if m.IntN(4) > 0 {
		b.WriteString(field + "\r\n")
	}
	for range m.IntN(5) {
		from := m.good
		if m.IntN(2) == 0 {
			from = m.fields
		}
		b.WriteString(m.of(from) + m.end())
	}
	b.WriteString(m.end() + m.of([]string{"", "hello", "5\r\nhello\r\n0\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"}))
	return []byte(b.String())
}

const mixed = 3000

func TestMixedRequestsAgainstNetHTTP(t *testing.T) {
	m, server := newLineMixer(goodRequests(), badRequests()), newReference(t)
	passed := 0
	for range mixed {
		if checkRequestInput(t, server, m.message("POST / HTTP/1.1", "Host: a")) {
			passed++
		}
	}
	checkPassed(t, passed)
}

func TestMixedResponsesAgainstNetHTTP(t *testing.T) {
	m := newLineMixer(goodResponses(), badResponses())
	passed := 0
	for range mixed {
		if checkResponseInput(t, m.message("HTTP/1.1 200 OK", "A: b")) {
			passed++
		}
	}
	checkPassed(t, passed)
}

func TestMixedChunksAgainstNetHTTP(t *testing.T) {
	m := &lineMixer{Rand: rand.New(rand.NewPCG(7, 13))}
	sizes := []string{"5", "05", "0", "000", "5;a=b", "5;", "a", "A", "+5", "5 ", " 5", "0x5", "", "5 ;a", "5;\x00", "0;a", "1"}
	data := []string{"hello", "hello", "hello", "hell", "0123456789", "x", "", "hello\r\n", "\r\n"}
	passed := 0
	for range mixed {
		var b strings.Builder
		for range m.IntN(4) {
			b.WriteString(m.of(sizes) + m.end() + m.of(data) + m.end())
		}
		b.WriteString("0" + m.end())
		for range m.IntN(3) {
			b.WriteString(m.of([]string{"A: b", "a:c", "Content-Length: 5", "A : b", " a", "Host: x", ": b"}) + m.end())
		}
		b.WriteString(m.end() + m.of([]string{"", "GET / HTTP/1.1\r\n\r\n"}))
		if checkChunksInput(t, []byte(b.String()), m.Uint64()) {
			passed++
		}
	}
	checkPassed(t, passed)
}

// checkPassed: a comparison of which most is refused beforehand shows nothing.
func checkPassed(t *testing.T, passed int) {
	t.Helper()
	if t.Logf("%d of %d were let through", passed, mixed); passed < mixed/20 {
		t.Errorf("only %d of %d were let through", passed, mixed)
	}
}
