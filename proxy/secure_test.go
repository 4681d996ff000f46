package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/rota-proxy/rota/internal/testrig"
	"github.com/rota-proxy/rota/proxy/spec"
)

// wallet is a Certificates that a test fills.
type wallet struct {
	mu    sync.Mutex
	pairs map[string]tls.Certificate
	roots map[string][]*x509.Certificate
}

func (w *wallet) Certificate(choice, _ string, _ *tls.ClientHelloInfo) (*tls.Certificate, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	pair, found := w.pairs[choice]
	if !found {
		return nil, errors.New("there is none")
	}
	return &pair, nil
}

func (w *wallet) ClientCA(name string) ([]*x509.Certificate, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	roots, found := w.roots[name]
	if !found {
		return nil, errors.New("there is none")
	}
	return roots, nil
}

func (w *wallet) lose(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.roots, name)
}

func (w *wallet) Faults(s spec.ServerTLS, _ []spec.Host) []spec.Fault {
	return []spec.Fault{{Code: spec.FaultCertificateMissing, Text: s.Certificate}}
}

// secureRig is a Mux with an http and an https listener. Its certificate "web" is
// for every host below .test and for 127.0.0.1; "staff" and "guests" are
// authorities of clients.
type secureRig struct {
	*rig
	server, staff, guests *testrig.Authority
	wallet                *wallet
	addr                  string // of the https listener
	back                  *backend
}

func newSecureRig(t testing.TB, o Options) *secureRig {
	t.Helper()
	g := &secureRig{
		server: testrig.NewAuthority(t, "server"), staff: testrig.NewAuthority(t, "staff"), guests: testrig.NewAuthority(t, "guests"),
		back: newBackend(t, "web", nil),
	}
	g.wallet = &wallet{
		pairs: map[string]tls.Certificate{
			"web":  g.server.Leaf(nil, "*.test", "*.w.test", "127.0.0.1").Certificate,
			"wild": g.server.Leaf(nil, "*.w.test").Certificate,
		},
		roots: map[string][]*x509.Certificate{"staff": {g.staff.Root}, "guests": {g.guests.Root}},
	}
	o.Certificates = g.wallet
	g.rig = newRig(t, o)
	addr := served(t, ListenerOptions{
		Name: "https", Handler: g.mux.Handler("https"), Inline: true, Log: o.Log, TLS: g.mux.TLSConfig("https"),
	})
	g.addr = addr.String()
	g.mux.SetHTTPS("https", addr.(*net.TCPAddr).Port)
	return g
}

// serve makes a Target of host rules live, with the backend as its Upstream.
func (g *secureRig) serve(how spec.ServerTLS, rules ...string) spec.Target {
	g.t.Helper()
	return g.serveAt(nil, how, rules...)
}

// serveAt is serve at some of the entries.
func (g *secureRig) serveAt(entries []string, how spec.ServerTLS, rules ...string) spec.Target {
	g.t.Helper()
	def := spec.NewTarget("name:" + rules[0])
	how.Min = max(how.Min, spec.TLS12)
	def.TLS = how
	for _, rule := range rules {
		host, path := spec.SplitHostRule(rule)
		m := spec.Match{Entries: entries}
		var err error
		if m.Host, err = spec.ParseHost(host); err != nil {
			g.t.Fatal(err)
		}
		if path != "" {
			if m.Path, err = spec.ParsePath(path); err != nil {
				g.t.Fatal(err)
			}
		}
		def.Matches = append(def.Matches, m)
	}
	u := g.back.upstream()
	u.Phase = spec.Assumed
	def.Upstreams = []spec.Upstream{u}
	g.mux.Apply(def)
	return def
}

// client is one that trusts the rig's server.
func (g *secureRig) client(h2 bool, edit func(*tls.Config)) *http.Client {
	g.t.Helper()
	config := &tls.Config{RootCAs: g.server.Pool()}
	if edit != nil {
		edit(config)
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", g.addr)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!h2)
	protocols.SetHTTP2(h2)
	transport := &http.Transport{DialContext: dial, TLSClientConfig: config, Protocols: protocols}
	g.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: testrig.Patience}
}

// visit sends a GET for a URL that begins with the host; host, unless it is empty,
// is what the request says instead.
func visit(t *testing.T, c *http.Client, url, host string) reply {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, "https://"+url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	res, err := c.Do(r)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, fmt.Sprintf("%s %s", res.Proto, body), err}
}

func wantRefusal(t *testing.T, got reply, status int, code answerCode) {
	t.Helper()
	if got.err != nil || got.status != status || got.header.Get("Rota-Reason") != string(code) {
		t.Errorf("got %d %q, error %v; want %d %s", got.status, got.body, got.err, status, code)
	}
}

func wantNoHandshake(t *testing.T, got reply, words string) {
	t.Helper()
	if got.err == nil || !strings.Contains(got.err.Error(), words) {
		t.Errorf("got %d %q, error %v; want no handshake: %s", got.status, got.body, got.err, words)
	}
}

// showing shows a certificate, be it one that the server does not ask for.
func showing(pair testrig.Pair) func(*tls.Config) {
	return func(c *tls.Config) {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair.Certificate, nil }
	}
}

// bothVersions runs a test with HTTP/1.1 and with HTTP/2.
func bothVersions(t *testing.T, test func(t *testing.T, h2 bool)) {
	for _, h2 := range []bool{false, true} {
		t.Run(map[bool]string{false: "HTTP1", true: "HTTP2"}[h2], func(t *testing.T) { test(t, h2) })
	}
}

func TestTargetsAreServedOverHTTPS(t *testing.T) {
	bothVersions(t, func(t *testing.T, h2 bool) {
		g := newSecureRig(t, Options{})
		g.serve(spec.ServerTLS{Certificate: "web"}, "a.test", "127.0.0.1", "{x:[a-z]+}.w.test")
		g.serve(spec.ServerTLS{}, "off.test")
		c := g.client(h2, nil)
		proto := map[bool]string{false: "HTTP/1.1 web", true: "HTTP/2.0 web"}[h2]
		for _, host := range []string{"a.test", "A.TEST", "b.w.test", "127.0.0.1"} {
			wantReply(t, visit(t, c, host+"/x", ""), 200, proto)
		}
		if got := g.back.last().Header; got.Get("X-Forwarded-Proto") != "https" || got.Get("X-Forwarded-Port") != "443" {
			t.Errorf("the Upstream was told %v", got)
		}
		wantNoHandshake(t, visit(t, c, "off.test/", ""), "unrecognized name")
		wantNoHandshake(t, visit(t, c, "unknown.test/", ""), "unrecognized name")
	})
}

// The certificate is that of the host's first stage with one, at the entry.
func TestTheCertificateIsChosenByHost(t *testing.T) {
	g := newSecureRig(t, Options{})
	g.serve(spec.ServerTLS{Certificate: "wild"}, "*.w.test")
	g.serve(spec.ServerTLS{Certificate: "web"}, "a.w.test")
	g.serve(spec.ServerTLS{}, "b.w.test/api")
	g.serveAt([]string{"http"}, spec.ServerTLS{Certificate: "web"}, "c.w.test")
	for host, want := range map[string]string{"a.w.test": "web", "b.w.test": "wild", "c.w.test": "wild", "d.w.test": "wild"} {
		conn, err := tls.Dial("tcp", g.addr, &tls.Config{RootCAs: g.server.Pool(), ServerName: host})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if got := conn.ConnectionState().PeerCertificates[0]; !got.Equal(g.wallet.pairs[want].Leaf) {
			t.Errorf("%s is shown a certificate for %v, want %s", host, got.DNSNames, want)
		}
	}
}

func TestTargetsComeAndGoUnderTheListener(t *testing.T) {
	g := newSecureRig(t, Options{})
	c := g.client(false, nil)
	wantNoHandshake(t, visit(t, c, "a.test/", ""), "unrecognized name")
	def := g.serve(spec.ServerTLS{Certificate: "web"}, "a.test")
	wantReply(t, visit(t, c, "a.test/", ""), 200, "web")
	def.TLS.Certificate = ""
	g.mux.Apply(def)
	wantRefusal(t, visit(t, c, "a.test/", ""), 404, codeNoHTTPS) // on the connection from before
	c.CloseIdleConnections()
	wantNoHandshake(t, visit(t, c, "a.test/", ""), "unrecognized name")
	def.TLS.Certificate = "lost"
	g.mux.Apply(def)
	wantNoHandshake(t, visit(t, c, "a.test/", ""), "internal error")
}

func TestHTTPIsSentToHTTPS(t *testing.T) {
	g := newSecureRig(t, Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}})
	g.serve(spec.ServerTLS{Certificate: "web"}, "t.test")
	g.serve(spec.ServerTLS{Certificate: "web", Plain: true}, "plain.test")
	g.serve(spec.ServerTLS{}, "off.test")
	g.serveAt([]string{"http"}, spec.ServerTLS{Certificate: "web"}, "elsewhere.test")
	_, port, _ := net.SplitHostPort(g.addr)
	get := func(host, path string) reply {
		r := g.request(http.MethodGet, path, nil)
		r.Host = host
		return g.send(r)
	}
	for _, host := range []string{"t.test", "T.test.:8080"} {
		got := get(host, "//a/%2e?b=c//")
		if want := "https://t.test:" + port + "//a/%2e?b=c//"; got.status != 308 || got.header.Get("Location") != want {
			t.Errorf("%s: got %d to %q, want 308 to %q", host, got.status, got.header.Get("Location"), want)
		}
	}
	if got := g.send(g.request(http.MethodPost, "/", strings.NewReader("x"))); got.status != 308 {
		t.Errorf("a POST gets %d, want 308", got.status)
	}
	g.mux.SetHTTPS("https", 443)
	if got := get("t.test", "/"); got.header.Get("Location") != "https://t.test/" {
		t.Errorf("to the usual port it is %q", got.header.Get("Location"))
	}
	wantReply(t, get("t.test", "/.well-known/acme-challenge/x"), 200, "web")
	wantReply(t, get("plain.test", "/"), 200, "web")
	wantReply(t, get("off.test", "/"), 200, "web")
	wantReply(t, get("elsewhere.test", "/"), 200, "web")
	claim := g.request(http.MethodGet, "/", nil)
	claim.Header.Set("X-Forwarded-Proto", "https")
	if got := g.send(claim); got.status != 308 {
		t.Errorf("a stranger's word on https is taken: %d", got.status)
	}
}

func TestATrustedProxysHTTPSIsNotSentAround(t *testing.T) {
	g := newSecureRig(t, Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	g.serve(spec.ServerTLS{Certificate: "web"}, "t.test")
	r := g.request(http.MethodGet, "/", nil)
	r.Header.Set("X-Forwarded-Proto", "https")
	wantReply(t, g.send(r), 200, "web")
}

// Answers over https say that it is to be used, those over http never do.
func TestAnswersInsistOnHTTPS(t *testing.T) {
	bothVersions(t, func(t *testing.T, h2 bool) {
		g := newSecureRig(t, Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
		g.back = newBackend(t, "web", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Strict-Transport-Security", "max-age=1")
		})
		const asked = "max-age=31536000; includeSubDomains"
		g.serve(spec.ServerTLS{Certificate: "web", Plain: true, HSTS: asked}, "t.test")
		g.serve(spec.ServerTLS{Certificate: "web"}, "silent.test")
		empty := g.serve(spec.ServerTLS{Certificate: "web", HSTS: asked}, "empty.test")
		empty.Wait.For, empty.Upstreams[0].Weight = 0, 0
		g.mux.Apply(empty)
		c := g.client(h2, nil)
		plain := g.request(http.MethodGet, "/", nil)
		forwarded := g.request(http.MethodGet, "/", nil)
		forwarded.Header.Set("X-Forwarded-Proto", "https")
		for what, got := range map[string]struct {
			reply
			status int
			want   string
		}{
			"over https":                 {visit(t, c, "t.test/", ""), 200, asked},
			"an answer of ours":          {visit(t, c, "empty.test/", ""), 503, asked},
			"without the option":         {visit(t, c, "silent.test/", ""), 200, "max-age=1"},
			"over http":                  {g.send(plain), 200, "max-age=1"},
			"over a trusted proxy's TLS": {g.send(forwarded), 200, asked},
		} {
			if values := got.header["Strict-Transport-Security"]; got.reply.status != got.status || len(values) != 1 || values[0] != got.want {
				t.Errorf("%s: %d with %q, want %d with %q", what, got.reply.status, values, got.status, got.want)
			}
		}
	})
}

func TestClientsMustShowACertificate(t *testing.T) {
	bothVersions(t, func(t *testing.T, h2 bool) {
		g := newSecureRig(t, Options{})
		g.serve(spec.ServerTLS{Certificate: "web", ClientCA: "staff"}, "t.test")
		g.serve(spec.ServerTLS{Certificate: "web", ClientCA: "staff", Plain: true}, "plain.test")
		wantReply(t, visit(t, g.client(h2, showing(g.staff.Leaf(nil))), "t.test/", ""), 200, "web")
		for name, edit := range map[string]func(*tls.Config){
			"none":             nil,
			"of another":       showing(g.guests.Leaf(nil)),
			"of the server's":  showing(g.server.Leaf(nil)),
			"for servers only": showing(g.staff.Leaf(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })),
			"expired":          showing(g.staff.Leaf(func(c *x509.Certificate) { c.NotAfter = c.NotBefore.AddDate(0, 0, 0) })),
		} {
			if got := visit(t, g.client(h2, edit), "t.test/", ""); got.err == nil {
				t.Errorf("a certificate %s: %d %s", name, got.status, got.body)
			}
		}
		for _, path := range []string{"/", "/.well-known/acme-challenge/x"} {
			r := g.request(http.MethodGet, path, nil)
			if r.Host = "plain.test"; g.send(r).status != 308 {
				t.Errorf("over http %s is answered with %d", path, g.send(r).status)
			}
		}
	})
}

// Without https to send it to, http is no way in either.
func TestWithoutHTTPSAGuardedTargetIsShut(t *testing.T) {
	g := newRig(t, Options{Certificates: &wallet{}})
	def := target(newBackend(t, "web", nil).upstream())
	def.TLS = spec.ServerTLS{Certificate: "web", ClientCA: "staff", Plain: true}
	g.mux.Apply(def)
	wantRefusal(t, g.get("/"), 503, codeClosedAccess)
	if s := g.mux.Targets()[0]; len(s.Faults) != 1 || s.Faults[0].Code != spec.FaultNoHTTPS || s.Closed == "" {
		t.Errorf("its status is %+v", s)
	}
}

// A connection for one host is no way past the policy of another.
func TestAPolicyFollowsTheHostThatIsServed(t *testing.T) {
	bothVersions(t, func(t *testing.T, h2 bool) {
		g := newSecureRig(t, Options{})
		g.serve(spec.ServerTLS{Certificate: "web"}, "open.test", "too.test")
		g.serve(spec.ServerTLS{Certificate: "web", ClientCA: "staff"}, "staff.test", "office.test")
		g.serve(spec.ServerTLS{Certificate: "web", ClientCA: "guests"}, "guests.test")
		g.serve(spec.ServerTLS{Certificate: "web", Min: spec.TLS13}, "new.test")
		g.serve(spec.ServerTLS{}, "off.test")
		staff := showing(g.staff.Leaf(nil))
		old := func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }
		for _, c := range []struct {
			edit      func(*tls.Config)
			sni, host string
			status    int
			code      answerCode
		}{
			{nil, "open.test", "too.test", 200, ""},
			{nil, "open.test", "staff.test", 421, codeMisdirected},
			{nil, "open.test", "STAFF.test.:443", 421, codeMisdirected},
			{staff, "open.test", "staff.test", 421, codeMisdirected}, // it was not asked for
			{staff, "staff.test", "office.test", 200, ""},
			{staff, "staff.test", "guests.test", 421, codeMisdirected},
			{staff, "staff.test", "open.test", 200, ""},
			{nil, "open.test", "off.test", 404, codeNoHTTPS},
			{nil, "open.test", "unknown.test", 404, codeNotFound},
			{old, "open.test", "new.test", 421, codeMisdirected},
			{nil, "open.test", "new.test", 200, ""},
		} {
			got := visit(t, g.client(h2, c.edit), c.sni+"/", c.host)
			if got.err != nil || got.status != c.status || got.header.Get("Rota-Reason") != string(c.code) {
				t.Errorf("connected to %s for %s: %d %q %v, want %d", c.sni, c.host, got.status, got.body, got.err, c.status)
			}
		}
		wantNoHandshake(t, visit(t, g.client(h2, old), "new.test/", ""), "protocol version")
	})
}

// onlySession is a cache that takes one session for every server's.
type onlySession struct {
	mu   sync.Mutex
	have *tls.ClientSessionState
	used int
}

func (o *onlySession) Get(string) (*tls.ClientSessionState, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.have != nil {
		o.used++
	}
	return o.have, o.have != nil
}

func (o *onlySession) Put(_ string, s *tls.ClientSessionState) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.have == nil {
		o.have = s
	}
}

// A session of one host, resumed at another, skips nothing of what that one asks.
func TestATicketIsNoWayPastAClientCertificate(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			g := newSecureRig(t, Options{})
			g.serve(spec.ServerTLS{Certificate: "web"}, "open.test")
			g.serve(spec.ServerTLS{Certificate: "web", ClientCA: "staff"}, "staff.test")
			g.serve(spec.ServerTLS{Certificate: "web", ClientCA: "guests"}, "guests.test")
			resume := func(o *onlySession, pair []tls.Certificate, sni string) (tls.ConnectionState, reply) {
				var state tls.ConnectionState
				c := g.client(false, func(c *tls.Config) {
					c.ClientSessionCache, c.Certificates, c.MinVersion, c.MaxVersion = o, pair, version, version
					// The name is not part of what a client resumes by.
					c.ServerName, c.InsecureSkipVerify = sni, true
					c.VerifyConnection = func(s tls.ConnectionState) error { state = s; return nil }
				})
				defer c.CloseIdleConnections()
				got := visit(t, c, sni+"/", "")
				return state, got
			}
			open := &onlySession{}
			resume(open, nil, "open.test")
			if state, got := resume(open, nil, "open.test"); !state.DidResume || got.status != 200 {
				t.Fatalf("an open host's session is not resumed: %+v", got)
			}
			if state, got := resume(open, nil, "staff.test"); state.DidResume || got.err == nil {
				t.Errorf("without a certificate: resumed %v, got %+v", state.DidResume, got)
			}
			staff := &onlySession{}
			pair := []tls.Certificate{g.staff.Leaf(nil).Certificate}
			if _, got := resume(staff, pair, "staff.test"); got.status != 200 {
				t.Fatalf("staff gets %+v", got)
			}
			if staff.have != nil {
				t.Error("a host that wants to see certificates gives tickets out")
			}
			for _, o := range []*onlySession{open, staff} {
				if state, got := resume(o, pair, "guests.test"); state.DidResume || got.err == nil {
					t.Errorf("with the certificate of others: resumed %v, got %+v", state.DidResume, got)
				}
			}
		})
	}
}

// Where only some Targets of a host are guarded, the others stay open.
func TestTargetsOfOneHostMayDiffer(t *testing.T) {
	bothVersions(t, func(t *testing.T, h2 bool) {
		g := newSecureRig(t, Options{})
		g.serve(spec.ServerTLS{Certificate: "web"}, "t.test")
		g.serve(spec.ServerTLS{Certificate: "web", ClientCA: "staff"}, "t.test/staff")
		g.serve(spec.ServerTLS{Certificate: "web", ClientCA: "guests"}, "t.test/guests")
		g.serve(spec.ServerTLS{Certificate: "web", Min: spec.TLS13}, "t.test/newer-than-all")
		g.serve(spec.ServerTLS{}, "t.test/off")
		nobody, staff := g.client(h2, nil), g.client(h2, showing(g.staff.Leaf(nil)))
		wantReply(t, visit(t, nobody, "t.test/", ""), 200, "web")
		wantReply(t, visit(t, staff, "t.test/staff", ""), 200, "web")
		wantRefusal(t, visit(t, nobody, "t.test/staff", ""), 403, codeClientCertificate)
		wantRefusal(t, visit(t, staff, "t.test/guests", ""), 403, codeClientCertificate)
		wantRefusal(t, visit(t, nobody, "t.test/off", ""), 404, codeNoHTTPS)
		old := g.client(h2, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 })
		wantRefusal(t, visit(t, old, "t.test/newer-than-all", ""), 403, codeTLSVersion)
		wantReply(t, visit(t, nobody, "t.test/newer-than-all", ""), 200, "web")
		wantNoHandshake(t, visit(t, g.client(h2, showing(g.server.Leaf(nil))), "t.test/", ""), "")
	})
}

// An authority that cannot be read closes what it guards, on open connections too.
func TestWithoutItsAuthorityATargetIsClosed(t *testing.T) {
	g := newSecureRig(t, Options{})
	g.serve(spec.ServerTLS{Certificate: "web", ClientCA: "staff"}, "t.test")
	known := g.client(false, showing(g.staff.Leaf(nil)))
	wantReply(t, visit(t, known, "t.test/", ""), 200, "web")
	g.wallet.lose("staff")
	wantRefusal(t, visit(t, known, "t.test/", ""), 503, codeClosedAccess)
	wantRefusal(t, visit(t, g.client(false, nil), "t.test/", ""), 503, codeClosedAccess)
}

// A certificate of before the authority was replaced is worth nothing.
func TestAnAuthorityThatWasReplaced(t *testing.T) {
	g := newSecureRig(t, Options{})
	g.serve(spec.ServerTLS{Certificate: "web", ClientCA: "staff"}, "t.test")
	known := g.client(false, showing(g.staff.Leaf(nil)))
	wantReply(t, visit(t, known, "t.test/", ""), 200, "web")
	g.wallet.mu.Lock()
	g.wallet.roots["staff"] = []*x509.Certificate{g.guests.Root}
	g.wallet.mu.Unlock()
	wantRefusal(t, visit(t, known, "t.test/", ""), 403, codeClientCertificate)
}

func TestFaultsAreToldOfTargets(t *testing.T) {
	g := newSecureRig(t, Options{})
	g.serve(spec.ServerTLS{Certificate: "lost"}, "a.test")
	g.serve(spec.ServerTLS{}, "b.test")
	g.serveAt([]string{"http"}, spec.ServerTLS{Certificate: "web"}, "c.test")
	var got []string
	for _, s := range g.mux.Targets() {
		for _, f := range s.Faults {
			got = append(got, fmt.Sprintf("%s %s %v", s.ID, f.Code, f.Grave))
		}
	}
	if text := strings.Join(got, ", "); text != "name:a.test certificate-missing false, name:c.test no-https false" {
		t.Errorf("the faults are %s", text)
	}
}
