package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/rota-proxy/rota/proxy/spec"
)

// Certificates are what is shown to clients over https, and what clients are held
// to. The methods are called for handshakes and requests, by many goroutines.
type Certificates interface {
	// Certificate is the one that choice, see [spec.ServerTLS], stands for, to be
	// shown to who asks for host (in normal form).
	Certificate(choice, host string, hello *tls.ClientHelloInfo) (*tls.Certificate, error)
	// ClientCA are the certificates of that name. What it returns is only read.
	ClientCA(name string) ([]*x509.Certificate, error)
	// Faults are what is wrong with serving hosts that way.
	Faults(s spec.ServerTLS, hosts []spec.Host) []spec.Fault
}

// httpsEntry is the listener that speaks TLS.
type httpsEntry struct {
	name string
	port int // as clients see it
}

// SetHTTPS names the entry whose Listener has [Mux.TLSConfig], and the port at
// which clients reach it. Without one, Targets are served over http alone.
func (m *Mux) SetHTTPS(entry string, port int) { m.shared.https.Store(&httpsEntry{entry, port}) }

// TLSConfig is for the Listener of an entry. Which certificate is shown, and what
// the client is held to, is looked up for each handshake by the name it asks for,
// so that Targets come and go under it.
//
// A ticket never lets a client skip what is asked of it: hosts that want to see
// certificates take none, and give none out.
func (m *Mux) TLSConfig(entry string) *tls.Config {
	return &tls.Config{
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			return m.handshake(entry, hello), nil
		},
	}
}

// handshake is what one handshake goes by. A host that nobody serves over https
// has no certificate, which clients are told as such (unrecognized_name).
func (m *Mux) handshake(entry string, hello *tls.ClientHelloInfo) *tls.Config {
	host := requestedHost(hello)
	policy := m.policy(host, entry)
	config := &tls.Config{
		NextProtos:             []string{"h2", "http/1.1"},
		MinVersion:             max(policy.min, tls.VersionTLS12),
		SessionTicketsDisabled: policy.choice == "" || len(policy.clientCAs) > 0,
	}
	if policy.choice == "" || m.o.Certificates == nil {
		return config
	}
	config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		return m.o.Certificates.Certificate(policy.choice, host, hello)
	}
	if len(policy.clientCAs) > 0 {
		config.ClientAuth, config.ClientCAs = m.clientAuth(policy)
	}
	return config
}

// requestedHost is the server name, or, of a client that gives none, the address
// that it connected to: IP addresses are never sent as names (RFC 6066 section 3).
func requestedHost(hello *tls.ClientHelloInfo) string {
	name := hello.ServerName
	if name == "" {
		name, _, _ = net.SplitHostPort(hello.Conn.LocalAddr().String())
		if strings.Contains(name, ":") {
			name = "[" + name + "]"
		}
	}
	host, _ := spec.NormalizeHost(name)
	return host
}

// hostPolicy is what all Targets of a host come to. Where they differ, the
// handshake asks for the least, and each Target for the rest by itself.
type hostPolicy struct {
	choice    string   // of the Target that is first there; empty: none is served over https
	min       uint16   // the lowest version that any takes
	clientCAs []string // that any asks for
	open      bool     // some ask for none
}

func (m *Mux) policy(host, entry string) hostPolicy {
	var p hostPolicy
	for t := range m.table.owners(host, entry) {
		asked := &t.def.Load().TLS
		if !asked.On() {
			continue
		}
		if p.choice == "" {
			p.choice, p.min = asked.Certificate, asked.Min
		}
		p.min = min(p.min, asked.Min)
		switch {
		case asked.ClientCA == "":
			p.open = true
		case !slices.Contains(p.clientCAs, asked.ClientCA):
			p.clientCAs = append(p.clientCAs, asked.ClientCA)
		}
	}
	return p
}

// clientAuth demands a certificate where all of a host's Targets do. Where the
// certificates of an authority cannot be read, the handshake demands nothing: the
// Target says why it is closed.
func (m *Mux) clientAuth(p hostPolicy) (tls.ClientAuthType, *x509.CertPool) {
	pool, missing := x509.NewCertPool(), false
	for _, name := range p.clientCAs {
		roots, err := m.o.Certificates.ClientCA(name)
		missing = missing || err != nil
		for _, root := range roots {
			pool.AddCert(root)
		}
	}
	if p.open || missing {
		return tls.VerifyClientCertIfGiven, pool
	}
	return tls.RequireAndVerifyClientCert, pool
}

// passage is what stands against serving a request that came by some way: an
// answer to give, or a place to send the client to. The zero value: nothing.
type passage struct {
	answer   answer
	location string
}

func (p passage) free() bool { return p.answer.code == "" && p.location == "" }

// end tells the client.
func (p passage) end(w http.ResponseWriter, r *http.Request, in *inbound) {
	if p.location != "" {
		in.redirect(w, r, p.location)
		return
	}
	in.answer(w, r, p.answer)
}

// passage is what stands against serving q, which came from peer, under def.
func (t *Target) passage(def *spec.Target, q *inquiry, peer netip.Addr, over *tls.ConnectionState) passage {
	entry := t.https.Load()
	switch {
	case def.Closed != "":
		return passage{answer: answer{code: codeClosedAccess, detail: def.Closed}}
	case entry != nil && q.entry == entry.name:
		return passage{answer: t.overTLS(&def.TLS, over, q.host)}
	case def.TLS.On():
		return t.inPlain(def, entry, q, peer)
	}
	return passage{}
}

// inPlain is passage for a Target that is served over https too.
func (t *Target) inPlain(def *spec.Target, entry *httpsEntry, q *inquiry, peer netip.Addr) passage {
	guarded := def.TLS.ClientCA != ""
	switch {
	case strings.HasPrefix(q.path, acmeChallenge) && !guarded,
		trustedProxies(t.o.TrustedProxies).scheme(peer, q.header, "http") == "https" && !guarded,
		def.TLS.Plain && !guarded:
		return passage{}
	case takesEntry(def, entry):
		return passage{location: httpsURL(q, entry.port)}
	case guarded:
		return passage{answer: answer{code: codeClosedAccess, detail: t.noHTTPS(def, entry).Text}}
	}
	return passage{} // there is no https to send it to, which the Target's status says
}

// insistOnHTTPS tells a client that came over https to use nothing else, in the
// place of what the Upstream says. Over http it would not be taken, and must not be
// said (RFC 6797 section 7.2).
func (t *Target) insistOnHTTPS(def *spec.Target, w http.ResponseWriter, r *http.Request, peer netip.Addr) {
	if def.TLS.HSTS != "" && def.TLS.On() && trustedProxies(t.o.TrustedProxies).scheme(peer, r.Header, schemeOf(r)) == "https" {
		w.Header().Set("Strict-Transport-Security", def.TLS.HSTS)
	}
}

// acmeChallenge is where authorities ask for proof, by http (RFC 8555 section 8.3).
const acmeChallenge = "/.well-known/acme-challenge/"

// takesEntry says whether the Target asks for requests of the https entry.
func takesEntry(def *spec.Target, entry *httpsEntry) bool {
	return entry != nil && slices.ContainsFunc(def.Matches, func(m spec.Match) bool {
		return m.TakesEntry(entry.name)
	})
}

// overTLS is why a request that came over https may not be served, empty if it
// may. The handshake was about the name the client connected by; the request may
// be for another, so all is looked at again (RFC 9110 section 7.4).
func (t *Target) overTLS(asked *spec.ServerTLS, over *tls.ConnectionState, host string) answer {
	var lacks answer
	switch {
	case !asked.On():
		return answer{code: codeNoHTTPS}
	case over == nil:
		return answer{code: codeInternal}
	case over.Version < asked.Min:
		lacks = answer{code: codeTLSVersion}
	case asked.ClientCA != "":
		roots, err := t.o.Certificates.ClientCA(asked.ClientCA)
		if err != nil {
			return answer{code: codeClosedAccess, detail: err.Error()}
		}
		if !signedBy(roots, over.VerifiedChains) {
			lacks = answer{code: codeClientCertificate}
		}
	}
	if lacks.code != "" && over.ServerName != "" && !sameHost(over.ServerName, host) {
		return answer{code: codeMisdirected} // by a connection of its own it may well get there
	}
	return lacks
}

// signedBy says whether one of the chains that the handshake verified ends at one
// of roots.
func signedBy(roots []*x509.Certificate, chains [][]*x509.Certificate) bool {
	return slices.ContainsFunc(chains, func(chain []*x509.Certificate) bool {
		return len(chain) > 0 && slices.ContainsFunc(roots, chain[len(chain)-1].Equal)
	})
}

func sameHost(name, host string) bool {
	normal, ok := spec.NormalizeHost(name)
	return ok && normal == host
}

// httpsURL is the same URL at the https entry.
func httpsURL(q *inquiry, port int) string {
	url := "https://" + q.host
	if port != 443 {
		url += ":" + strconv.Itoa(port)
	}
	return url + q.path + q.query
}

// redirect sends the client to https. 308 keeps the method and the body (RFC 9110
// section 15.4.9).
func (in *inbound) redirect(w http.ResponseWriter, r *http.Request, location string) {
	in.record.reason = reasonToHTTPS
	if in.owesBody(r) {
		w.Header().Set("Connection", "close")
	}
	in.debugHeaders(w.Header)
	w.Header().Set("Location", location)
	w.Header().Set("Cache-Control", "no-store") // labels change
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusPermanentRedirect)
}

// reasonToHTTPS stands in the access log in place of the code of an answer.
const reasonToHTTPS = "to-https"

// faults are what is wrong with the way a Target is served over https.
func (t *Target) faults(def *spec.Target) []spec.Fault {
	entry := t.https.Load()
	switch {
	case !def.TLS.On():
		return nil
	case !takesEntry(def, entry):
		return []spec.Fault{t.noHTTPS(def, entry)}
	case t.o.Certificates == nil:
		return nil
	}
	hosts := make([]spec.Host, len(def.Matches))
	for i, m := range def.Matches {
		hosts[i] = m.Host
	}
	return t.o.Certificates.Faults(def.TLS, hosts)
}

// logFaults says them once, when the Target is described so.
func (t *Target) logFaults() {
	for _, f := range t.faults(t.def.Load()) {
		t.o.Log.Warn().Str("target", t.id).Str("code", string(f.Code)).Str("fix", f.Fix).Msg(f.Text)
	}
}

func (t *Target) noHTTPS(def *spec.Target, entry *httpsEntry) spec.Fault {
	closes := def.TLS.ClientCA != ""
	f := spec.Fault{Code: spec.FaultNoHTTPS, Grave: closes, Closes: closes}
	if entry == nil {
		f.Text, f.Fix = "tls asks for https, and rota takes none in", "start rota with --https :443"
	} else {
		f.Text = fmt.Sprintf("tls asks for https, and entry leaves the listener %s out", entry.name)
		f.Fix = fmt.Sprintf("add %s to entry, or remove tls", entry.name)
	}
	if closes {
		f.Text += "; without it no client can show its certificate"
	} else {
		f.Text += ": it is served over http"
	}
	return f
}
