package proxy

import (
	"fmt"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/rota-proxy/rota/proxy/h1"
)

// inbound is what was found out about a request, once, for everybody behind, and
// the memory that its way through the proxy needs.
type inbound struct {
	inquiry
	*shared
	record  record
	writer  relayRecorder
	client  *h1.Client // nil where another server than the engine's read the request
	peer    netip.Addr
	path    string      // as it is sent on
	upgrade string      // protocol the client asks to switch to; empty: none
	fields  []h1.Field  // as they are sent on
	whole   []byte      // the body, if all of it was there at once
	body    *replay     // the body that is still coming; nil before a Target was found
	trailer http.Header // announced fields that may follow the body

	exchange exchange
	known    bool // somebody may still know of it when the request is over
	complete bool // the request has come to its end without a panic
}

// observe reads what a request asks for, refuses what nobody could route, and
// writes the access log when it is over.
func (s *shared) observe(entry string, next func(http.ResponseWriter, *http.Request, *inbound)) http.Handler {
	trusted := trustedProxies(s.o.TrustedProxies)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in := s.receive(r, entry)
		defer in.end(r)
		in.record.client = trusted.client(in.peer, r.Header)
		refusal := in.inquiry.read(r, entry, in.record.client)
		if in.client == nil {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // of the request before
		}
		w = in.newRecorder(w)
		if refusal != "" {
			in.answer(w, r, answer{code: refusal})
			return
		}
		defer in.contain(w, r)
		next(w, r, in)
		in.complete = true
	})
}

// receive begins a request's way through the proxy.
func (s *shared) receive(r *http.Request, entry string) *inbound {
	in, _ := s.inbounds.Get().(*inbound)
	if in == nil {
		in = &inbound{}
	}
	fields := in.fields[:0]
	*in = inbound{} // in place: a literal with fields would be made elsewhere and copied
	in.shared, in.fields = s, fields
	in.record.begin, in.record.entry = time.Now(), entry
	if in.client = h1.ClientOf(r); in.client != nil {
		in.peer = in.client.Peer()
	} else {
		in.peer = peerAddr(r.RemoteAddr)
	}
	return in
}

// end is called when the request is over, however it ended. The memory is used
// again where that is certain to be noticed by nobody.
func (in *inbound) end(r *http.Request) {
	if in.body != nil {
		in.body.close()
	}
	if in.o.Access != nil {
		in.record.log(in.o.Access, r)
	}
	if in.complete && !in.known && in.client != nil && in.body == nil {
		clear(in.fields)
		in.shared.inbounds.Put(in)
	}
}

// openBody makes the body ready for attempts, once: a request that is matched
// anew keeps what was read of it.
func (in *inbound) openBody(w http.ResponseWriter, r *http.Request, stall time.Duration) {
	if in.body != nil || in.whole != nil || !hasBody(r) {
		return
	}
	if b, ok := r.Body.(h1.Buffered); ok {
		if in.whole, ok = b.Buffered(); ok {
			return
		}
	}
	in.trailer = permittedTrailers(r.Trailer) // now, as reading the body writes there
	in.body = newReplay(r.Body, http.NewResponseController(w), stall)
}

func hasBody(r *http.Request) bool { return r.Body != nil && r.Body != http.NoBody }

// contain keeps a bug of ours to the request that met it: the client gets 500,
// or sees its answer cut if that had begun.
func (in *inbound) contain(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v != http.ErrAbortHandler {
		in.o.Log.Error().Interface("panic", v).Bytes("stack", debug.Stack()).Str("target", in.record.target).
			Msg("BUG: a request failed inside the proxy")
		if in.record.status == 0 {
			in.answer(w, r, answer{code: codeInternal})
			return
		}
	}
	panic(http.ErrAbortHandler)
}

// prepare makes what Upstreams are sent, the same for every attempt. path is the
// form that was matched, empty if the received one goes on.
func (in *inbound) prepare(r *http.Request, path string) {
	in.path = path
	if path == "" {
		in.path = in.inquiry.path
	}
	in.upgrade = requestedUpgrade(r)
	in.fields = trustedProxies(in.o.TrustedProxies).onward(in.fields[:0], r.Header, in.origin(r))
}

func schemeOf(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// debugHeaders adds to an answer how it came about, if that is wanted.
func (in *inbound) debugHeaders(header func() http.Header) {
	if !in.o.DebugHeaders || in.record.target == "" {
		return
	}
	h := header()
	h.Set("Rota-Target", in.record.target)
	h.Set("Rota-Attempts", strconv.Itoa(in.record.attempts))
	h.Set("Rota-Held", in.record.held.Round(time.Millisecond).String())
	if in.record.upstream != nil {
		h.Set("Rota-Upstream", in.record.upstream.name())
	}
}

// maxMatches bounds how often a request is matched anew because its Target
// vanished while it was held.
const maxMatches = 3

// serve finds the request's Target.
func (m *Mux) serve(w http.ResponseWriter, r *http.Request, in *inbound) {
	for range maxMatches {
		f := m.table.lookup(&in.inquiry)
		if f.result != matched {
			in.answer(w, r, m.refusal(in.host, f))
			return
		}
		if in.prepare(r, f.path); !faithful(in.path) {
			in.answer(w, r, unfaithful)
			return
		}
		if f.owner.serve(w, r, in) == nil {
			return
		}
	}
	in.answer(w, r, answer{code: codeNotReady})
}

// unfaithful is the answer to a path that would be read as something else.
var unfaithful = answer{code: codeBadTarget, text: "a path that begins with // must be percent-encoded"}

// refusal is the answer to a request that has no Target.
func (m *Mux) refusal(host string, f found[*Target]) answer {
	switch f.result {
	case wrongMethod:
		return answer{code: codeMethod, allow: f.allow}
	case ambiguousPath:
		return answer{code: codeAmbiguousPath, text: f.reason.Error()}
	case unmatched:
		return answer{code: codeNoRoute}
	}
	if ago, departed := m.gone.find(host); departed {
		return answer{code: codeGone, text: fmt.Sprintf("its last container went away %s ago", seconds(ago))}
	}
	if !m.synced.Load() {
		return answer{code: codeNotReached}
	}
	return answer{code: codeNotFound}
}

// answer gives one of the proxy's own answers.
func (in *inbound) answer(w http.ResponseWriter, r *http.Request, a answer) {
	in.record.reason = string(a.code)
	if in.owesBody(r) {
		w.Header().Set("Connection", "close")
	}
	in.debugHeaders(w.Header)
	writeAnswer(w, r, a, in.o.DebugHeaders)
}

// owesBody says whether the client may still be sending a body that nobody will
// read. On HTTP/2 that is of no consequence for others.
func (in *inbound) owesBody(r *http.Request) bool {
	return r.ProtoMajor == 1 && hasBody(r) && in.whole == nil && (in.body == nil || !in.body.whole()) && in.client == nil
}

func (in *inbound) origin(r *http.Request) origin {
	o := origin{peer: in.peer, scheme: schemeOf(r), authority: in.authority}
	if in.client != nil {
		o.text = in.client.PeerText()
	}
	return o
}
