package proxy_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rota-proxy/rota/internal/testrig/strict"
	"github.com/rota-proxy/rota/proxy"
	"github.com/rota-proxy/rota/proxy/spec"
)

// rowPatience bounds every wait of a row.
const rowPatience = 5 * time.Second

// leastRows is how many rows the suite has at least.
const leastRows = 250

// listenerSpeaksH2 says that a Listener takes HTTP/2 with prior knowledge beside
// HTTP/1.1; until then net/http's own server does on its behalf.
const listenerSpeaksH2 = true

// engine is one way from the wire to the Mux.
type engine struct {
	name   string // as it is called in the rows
	title  string
	serve  func(*testing.T, *proxy.Mux) (address string, stop func())
	dial   func(address string, byByte bool) (conversant, error)
	byByte bool // all bytes, of both sides, come one by one
}

func engines() []engine {
	return []engine{
		{name: "h1", title: "h1", serve: serveListener, dial: dialPlain},
		{name: "h1", title: "h1 byte by byte", serve: serveListener, dial: dialPlain, byByte: true},
		{name: "h2", title: "h2", serve: serveFramed, dial: dialFramed},
		{name: "fallback", title: "fallback", serve: serveFallback, dial: dialPlain},
	}
}

// serveListener is the product as it runs.
func serveListener(t *testing.T, m *proxy.Mux) (string, func()) {
	l, err := proxy.Listen(proxy.ListenerOptions{Name: "http", Addr: "127.0.0.1:0", Handler: m.Handler("http"), Inline: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- l.Serve(ctx) }()
	return l.Addr().String(), func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}

// serveFallback is a program that embeds the Mux behind a server of its own.
func serveFallback(t *testing.T, m *proxy.Mux) (string, func()) {
	return serveStandard(t, &http.Server{Handler: m.Handler("http")})
}

func serveFramed(t *testing.T, m *proxy.Mux) (string, func()) {
	if listenerSpeaksH2 {
		return serveListener(t, m)
	}
	server := &http.Server{
		Handler: m.Handler("http"), Protocols: new(http.Protocols), MaxHeaderBytes: 64 << 10, DisableGeneralOptionsHandler: true,
	}
	server.Protocols.SetUnencryptedHTTP2(true)
	return serveStandard(t, server)
}

func serveStandard(t *testing.T, server *http.Server) (string, func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	return l.Addr().String(), func() {
		server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}
}

// TestConformance holds every engine to the rows.
func TestConformance(t *testing.T) {
	rows := loadRows(t)
	for _, e := range engines() {
		before := runtime.NumGoroutine()
		t.Run(e.title, func(t *testing.T) {
			for _, r := range rows {
				if r.isFor(e.name) {
					t.Run(r.name, func(t *testing.T) {
						t.Parallel()
						runRow(t, r, e)
					})
				}
			}
		})
		awaitGoroutines(t, before)
	}
}

// awaitGoroutines: nothing of the rows goes on after them.
func awaitGoroutines(t *testing.T, before int) {
	t.Helper()
	end := time.NewTimer(rowPatience)
	defer end.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for runtime.NumGoroutine() > before {
		select {
		case <-tick.C:
		case <-end.C:
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines are left of %d:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// TestConformanceIsBroad: the hazards are covered, and no row is there twice.
func TestConformanceIsBroad(t *testing.T) {
	rows := loadRows(t)
	if len(rows) < leastRows {
		t.Errorf("there are %d rows, want %d", len(rows), leastRows)
	}
	names := map[string]bool{}
	count := map[string]int{}
	for _, r := range rows {
		if names[r.name] {
			t.Errorf("%s is there twice", r.name)
		}
		names[r.name] = true
		for _, e := range r.engines {
			count[e]++
		}
	}
	for _, e := range allEngines {
		if count[e] < leastRows/2 {
			t.Errorf("only %d rows are for %s", count[e], e)
		}
	}
}

// play is a row while it runs.
type play struct {
	row      row
	engine   engine
	upstream *strictUpstream
	client   conversant
	last     *arrival // the request that came last
	before   *arrival // and the one before it
	response *strict.Head
	toHead   bool
	read     bool // the response was read to its end
	ctx      context.Context
}

func runRow(t *testing.T, r row, e engine) {
	ctx, cancel := context.WithTimeout(context.Background(), rowPatience)
	defer cancel()
	up := newStrictUpstream(t)
	m, err := newMux(r, up.socket.Addr().String())
	if err != nil {
		up.socket.Close()
		t.Fatal(err)
	}
	address, stop := e.serve(t, m)
	up.unwanted, up.tolerant = !r.expectsRequests(e.name), r.toleratesCut()
	p := &play{row: r, engine: e, upstream: up, ctx: ctx, read: true}
	err = awaitReady(ctx, m)
	if p.client, _ = e.dial(address, e.byByte); err == nil {
		err = p.run()
	}
	p.client.close()
	stop()
	end, stopWaiting := context.WithTimeout(context.Background(), rowPatience)
	defer stopWaiting()
	err = errors.Join(err, m.Close(end), up.close(end))
	if err == nil {
		err = p.unexpected()
	}
	if err != nil {
		t.Error(err)
	}
}

// newMux has the row's one Target.
func newMux(r row, upstream string) (*proxy.Mux, error) {
	o := proxy.Options{}
	def := spec.NewTarget("compose:test/web")
	def.Source = "test"
	def.Upstreams = []spec.Upstream{{
		ID: "web", Container: "web", Name: "web", Scheme: spec.HTTP, Address: upstream,
		Local: true, Weight: 1, HostHeader: spec.HostKeep,
	}}
	hosts := "t.test"
	for _, option := range r.options {
		if option[0] == "hosts" {
			hosts = option[1]
			continue
		}
		if err := setOption(&o, &def, option[0], option[1]); err != nil {
			return nil, fmt.Errorf("%s: %w", option[0], err)
		}
	}
	for rule := range strings.SplitSeq(hosts, ", ") {
		match, err := parseRule(rule)
		if err != nil {
			return nil, err
		}
		def.Matches = append(def.Matches, match)
	}
	m := proxy.NewMux(o)
	m.Apply(def)
	m.Synced()
	return m, nil
}

func parseRule(rule string) (spec.Match, error) {
	name, path := spec.SplitHostRule(rule)
	host, err := spec.ParseHost(name)
	if err != nil || path == "" {
		return spec.Match{Host: host}, err
	}
	parsed, err := spec.ParsePath(path)
	return spec.Match{Host: host, Path: parsed}, err
}

func setOption(o *proxy.Options, def *spec.Target, name, value string) (err error) {
	switch name {
	case "trusted":
		var network netip.Prefix
		network, err = netip.ParsePrefix(value)
		o.TrustedProxies = append(o.TrustedProxies, network)
	case "stall":
		def.Timeout.Stall, err = time.ParseDuration(value)
	case "response":
		def.Timeout.Response, err = time.ParseDuration(value)
	case "wait":
		def.Wait.For, err = time.ParseDuration(value)
	case "retry":
		def.Retry.Attempts, err = strconv.Atoi(value)
	case "base":
		def.Upstreams[0].Base = value
	case "host-header":
		def.Upstreams[0].HostHeader = value
	}
	return err
}

func awaitReady(ctx context.Context, m *proxy.Mux) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for m.Targets()[0].Upstreams[0].State != spec.Ready {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.New("the Upstream does not become ready")
		}
	}
	return nil
}

// run plays the row step by step.
func (p *play) run() error {
	for _, s := range p.row.steps {
		if !s.isFor(p.engine.name) {
			continue
		}
		if err := p.step(s); err != nil {
			return fmt.Errorf("%s:%d: %s %s: %w", p.row.file, s.line, s.kind, s.words, err)
		}
	}
	return p.finishResponse()
}

func (p *play) step(s step) error {
	op, arg, _ := strings.Cut(s.words, " ")
	switch s.kind {
	case clientGets:
		return p.clientGets(op, arg)
	case upstreamGets:
		if s.isRequestLine() {
			return p.request(s)
		}
		return p.upstreamGets(op, arg)
	case upstreamBytes:
		return p.answer(s.bytes)
	case upstreamAct:
		if s.words == "ok" {
			return p.answer([]byte(okAnswer))
		}
		return p.upstreamDoes(s.words)
	}
	return p.client.perform(p.ctx, s)
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

var errNoRequest = errors.New("no request has come yet")

func (p *play) answer(b []byte) error {
	if p.last == nil {
		return errNoRequest
	}
	switched := strings.HasPrefix(string(b), "HTTP/1.1 101 ")
	if err := p.last.conn.answer(b, switched, p.engine.byByte); err != nil && !isClosing(err) {
		return err
	}
	return nil // a proxy that refuses an answer need not read all of it
}

func (p *play) upstreamDoes(what string) error {
	if p.last == nil {
		return errNoRequest
	}
	return p.last.conn.act(what)
}

// request waits for the next request.
func (p *play) request(s step) error {
	a, err := p.arrive()
	if err != nil {
		return err
	}
	p.before, p.last = p.last, a
	if got := a.head.Method + " " + a.head.Target + " HTTP/1.1"; got != s.words {
		return fmt.Errorf("it got %s", got)
	}
	if s.begun {
		return nil
	}
	_, err = p.body()
	return err
}

func (p *play) arrive() (*arrival, error) {
	select {
	case a := <-p.upstream.arrivals:
		return a, nil
	case <-p.ctx.Done():
		return nil, errors.New("no request came")
	}
}

// body is the content of the last request, which must be whole.
func (p *play) body() (string, error) {
	if p.last == nil {
		return "", errNoRequest
	}
	body, err := p.last.body.whole(p.ctx)
	if !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("the request is not whole: %w", err)
	}
	return string(body), nil
}

// unexpected are requests that the row does not speak of. Everything is closed
// by now, so nothing is on its way any more.
func (p *play) unexpected() error {
	close(p.upstream.arrivals)
	var surplus []string
	for a := range p.upstream.arrivals {
		if _, err := a.body.whole(p.ctx); p.row.toleratesCut() && !errors.Is(err, io.EOF) {
			continue
		}
		surplus = append(surplus, a.head.Method+" "+a.head.Target)
	}
	if len(surplus) > 0 {
		return fmt.Errorf("%s: the Upstream also got %q", p.row.file, surplus)
	}
	return nil
}

// upstreamGets checks the last request.
func (p *play) upstreamGets(op, arg string) error {
	if op == "nothing" {
		return nil // unexpected finds out
	}
	if p.last == nil {
		return errNoRequest
	}
	switch op {
	case "begun":
		return nil
	case "has":
		return holds(p.last.head.Fields, arg)
	case "lacks":
		return holdsNot(p.last.head.Fields, arg)
	case "lacks-exactly":
		return wantText(strconv.Itoa(len(p.last.head.Fields.Values(arg))), "0")
	case "blank":
		return wantText(strings.Join(p.last.head.Fields.Values(arg), ""), "")
	case "body":
		body, err := p.body()
		return errors.Join(err, wantText(body, arg))
	case "length":
		body, err := p.body()
		return errors.Join(err, wantText(strconv.Itoa(len(body)), arg))
	case "starts":
		body, err := p.last.body.await(p.ctx, func(data []byte) bool { return len(data) >= len(arg) })
		return errors.Join(err, wantText(string(body), arg))
	case "trailer":
		if _, err := p.body(); err != nil {
			return err
		}
		return holds(p.last.rest.Trailers, arg)
	case "nowhere":
		_, _ = p.last.body.whole(p.ctx) // it may be cut: there is nothing then
		return nowhere(arg, p.last.head.Fields, p.last.rest.Trailers)
	case "cut":
		if _, err := p.last.body.whole(p.ctx); errors.Is(err, io.EOF) {
			return errors.New("the request is whole")
		}
		return p.gone()
	case "closed":
		return p.gone()
	case "fresh", "reused":
		return p.sameConnection(op == "reused")
	case "raw":
		raw, err := p.last.conn.raw.await(p.ctx, func(data []byte) bool { return len(data) >= len(arg) })
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return errors.Join(err, wantText(string(raw), arg))
	}
	return fmt.Errorf("there is no expectation %q of an Upstream", op)
}

func (p *play) gone() error {
	select {
	case <-p.last.conn.gone:
		return nil
	case <-p.ctx.Done():
		return errors.New("the proxy keeps the connection")
	}
}

func (p *play) sameConnection(want bool) error {
	switch {
	case p.before == nil:
		return errors.New("there was no request before")
	case (p.before.conn == p.last.conn) != want:
		return fmt.Errorf("the connection was reused: %v", !want)
	}
	return nil
}

// clientGets checks the response that is being read, or waits for the next.
func (p *play) clientGets(op, arg string) error {
	if _, err := strconv.Atoi(strings.Split(op, "|")[0]); err == nil {
		if err := p.nextResponse(op); err != nil || arg == "" {
			return err
		}
		return p.clientGets(arg, "") // such as `200 open`
	}
	switch op {
	case "refused":
		p.read = true
		return p.client.refused(p.ctx, cmp.Or(arg, "400"))
	case "settled":
		p.read = true
		return p.settled()
	case "after-interim":
		return p.finalResponse(arg)
	case "closed":
		return errors.Join(p.finishResponse(), p.client.ended(p.ctx))
	case "open":
		return errors.Join(p.finishResponse(), p.goesOn())
	case "raw":
		p.read = true
		raw, err := p.client.raw(p.ctx, len(arg))
		return errors.Join(err, wantText(string(raw), arg))
	}
	if p.response == nil {
		return errors.New("no response was read")
	}
	return p.responseHas(op, arg)
}

func (p *play) responseHas(op, arg string) error {
	switch op {
	case "has":
		return holds(p.response.Fields, arg)
	case "lacks":
		return holdsNot(p.response.Fields, arg)
	case "head":
		p.toHead = true
		return nil
	case "starts":
		body, err := p.client.start(p.ctx, len(arg))
		return errors.Join(err, wantText(string(body), arg))
	case "cut":
		p.read = true
		body, _, err := p.client.finish(p.ctx, p.toHead)
		if !errors.Is(err, errCut) {
			return fmt.Errorf("the response ends well after %q: %w", clip(string(body)), err)
		}
		return nil
	}
	body, trailers, err := p.client.finish(p.ctx, p.toHead)
	if p.read = true; op == "dropped" && errors.Is(err, errCut) {
		return nil // a way to drop it
	}
	if err != nil {
		return err
	}
	switch op {
	case "body":
		return wantText(string(body), arg)
	case "length":
		return wantText(strconv.Itoa(len(body)), arg)
	case "trailer":
		return holds(trailers, arg)
	case "dropped":
		return holdsNot(trailers, arg)
	case "own":
		return isOwnAnswer(p.response, string(body), p.toHead, arg)
	}
	return fmt.Errorf("there is no expectation %q of a client", op)
}

// nextResponse reads a head whose status is one of those parted by bars.
func (p *play) nextResponse(statuses string) error {
	if err := p.finishResponse(); err != nil {
		return err
	}
	h, err := p.client.head(p.ctx)
	if err != nil {
		return err
	}
	p.response, p.toHead, p.read = h, false, h.Status < 200
	if !isOneOf(h.Status, statuses) {
		body, _, _ := p.client.finish(p.ctx, false)
		return fmt.Errorf("the status is %d, the content %q", h.Status, clip(string(body)))
	}
	return nil
}

func isOneOf(status int, statuses string) bool {
	return slices.Contains(strings.Split(statuses, "|"), strconv.Itoa(status))
}

// finalResponse passes over interim ones.
func (p *play) finalResponse(statuses string) error {
	for {
		h, err := p.client.head(p.ctx)
		if err != nil {
			return err
		}
		p.response, p.toHead, p.read = h, false, h.Status < 200
		if p.read {
			continue
		}
		if !isOneOf(h.Status, statuses) {
			return fmt.Errorf("the status is %d", h.Status)
		}
		return nil
	}
}

// settled waits for an answer or a refusal, whichever it is.
func (p *play) settled() error {
	if _, err := p.client.head(p.ctx); err != nil {
		return p.ctx.Err()
	}
	return nil
}

// finishResponse reads the rest of a response, which must be sound.
func (p *play) finishResponse() error {
	if p.read {
		return nil
	}
	p.read = true
	_, _, err := p.client.finish(p.ctx, p.toHead)
	return err
}

// goesOn sends a further request on the same connection: if a byte too many or
// too few was sent before, it shows now.
func (p *play) goesOn() error {
	const again = "GET /again HTTP/1.1\r\nHost: t.test\r\n\r\n"
	if err := p.client.perform(p.ctx, step{kind: clientBytes, bytes: []byte(again)}); err != nil {
		return err
	}
	if err := p.request(step{kind: upstreamGets, words: "GET /again HTTP/1.1"}); err != nil {
		return fmt.Errorf("a further request: %w", err)
	}
	if err := p.answer([]byte(okAnswer)); err != nil {
		return err
	}
	if err := p.nextResponse("200"); err != nil {
		return fmt.Errorf("a further request: %w", err)
	}
	return p.responseHas("body", "ok")
}

// isOwnAnswer holds the proxy's own answers to what is promised of them.
func isOwnAnswer(h *strict.Head, body string, toHead bool, code string) error {
	reason := strings.Join(h.Fields.Values("Rota-Reason"), ",")
	media := strings.Join(h.Fields.Values("Content-Type"), ",")
	switch {
	case reason == "" || code != "" && reason != code:
		return fmt.Errorf("Rota-Reason is %q", reason)
	case media != "text/plain; charset=utf-8" && media != "application/problem+json":
		return fmt.Errorf("Content-Type is %q", media)
	case !slices.Equal(h.Fields.Values("Cache-Control"), []string{"no-store"}):
		return errors.New("it may be cached")
	case !toHead && !strings.Contains(body, reason):
		return fmt.Errorf("the content is %q", clip(body))
	}
	return nil
}

// holds looks for exactly one field `Name: value`, or any `Name`.
func holds(fields strict.Fields, want string) error {
	name, value, exact := strings.Cut(want, ":")
	got := fields.Values(name)
	if len(got) == 0 || exact && !slices.Equal(got, []string{strings.Trim(value, " ")}) {
		return fmt.Errorf("there is %q", got)
	}
	return nil
}

func nowhere(value string, lists ...strict.Fields) error {
	for _, f := range slices.Concat(lists...) {
		if f.Value == value {
			return fmt.Errorf("there is %q", f)
		}
	}
	return nil
}

func holdsNot(fields strict.Fields, name string) error {
	if found := fields.Spelt(name); len(found) > 0 {
		return fmt.Errorf("there is %q", found)
	}
	return nil
}

func wantText(got, want string) error {
	if got != want {
		return fmt.Errorf("it is %q", clip(got))
	}
	return nil
}

func clip(s string) string {
	const most = 300
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// isClosing says whether the other side has closed the connection.
func isClosing(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrClosed)
}
