package proxy

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/rota-proxy/rota/internal/spelling"
	"github.com/rota-proxy/rota/proxy/h1"
	"github.com/rota-proxy/rota/proxy/spec"
)

// Explain says where a request would go now, and why. It asks what requests ask,
// in the same order, and changes nothing: no turn is taken.
func (m *Mux) Explain(q spec.Question) spec.Explanation {
	in, refused := m.inquire(q)
	e := spec.Explanation{Host: in.host}
	if refused != "" {
		e.Answer = answer{code: refused}.explained()
		return e
	}
	f, trials := m.table.trace(&in)
	e.Path = withoutParameters(f.path)
	e.Trials = explainTrials(&in, e.Path, trials)
	if f.result != matched {
		e.Answer = m.refusal(in.host, f).explained()
		e.Near = m.table.nearMisses(&in)
		return e
	}
	if !faithful(cmp.Or(f.path, in.path)) {
		e.Answer = unfaithful.explained()
		return e
	}
	m.explainTarget(&e, f.owner, &in, q)
	return e
}

// inquire reads a Question as a request is read.
func (m *Mux) inquire(q spec.Question) (in inquiry, refused answerCode) {
	if !h1.ValidRequest(q.Method, q.Path, q.Authority) {
		return in, codeBadRequest
	}
	header := http.Header(q.Header)
	client := trustedProxies(m.o.TrustedProxies).client(q.Client, header)
	request := &http.Request{Method: q.Method, Host: q.Authority, RequestURI: q.Path, URL: &url.URL{}, Header: header}
	refused = in.read(request, q.Entry, client)
	return in, refused
}

// explainTarget says what the Target does with the request.
func (m *Mux) explainTarget(e *spec.Explanation, t *Target, in *inquiry, q spec.Question) {
	e.Definition = *t.def.Load()
	m.mu.Lock()
	status := t.status()
	m.mu.Unlock()
	e.Target = &status
	p := t.passage(&e.Definition, in, q.Client, m.assumedTLS(in))
	if !p.free() {
		e.Location = p.location
		if p.location == "" {
			e.Answer = p.answer.explained()
		}
		return
	}
	next, err := t.next()
	switch {
	case err != nil:
		e.Answer = answerFor(err).explained()
	case next != nil:
		e.Next = next.spec.Load().ID
	}
}

// assumedTLS is the connection of a client that can do everything and shows no
// certificate; nil where the entry has none.
func (m *Mux) assumedTLS(in *inquiry) *tls.ConnectionState {
	if entry := m.shared.https.Load(); entry == nil || entry.name != in.entry {
		return nil
	}
	return &tls.ConnectionState{Version: tls.VersionTLS13, ServerName: in.host}
}

// next is who would be picked now, nil if the request would be held, or why it would
// not be.
func (t *Target) next() (*Upstream, error) {
	if !t.room.occupied() {
		if u := t.upstreams.ready.Load().turn(t.upstreams.turns.Load()); u != nil {
			return u, nil
		}
	}
	if t.upstreams.weightless.Load() {
		return nil, errWeightless
	}
	return nil, t.room.prospect()
}

func (a answer) explained() *spec.OwnAnswer {
	if a.code == "" {
		return nil
	}
	return &spec.OwnAnswer{Status: a.status(), Code: string(a.code), Text: a.line(), Detail: a.detail, Allow: a.allow}
}

// explainTrials puts what stood in the way into words. path is the one that rules are
// compared with.
func explainTrials(in *inquiry, path string, trials []trial[*Target]) []spec.Trial {
	all := make([]spec.Trial, len(trials))
	for i, t := range trials {
		all[i] = spec.Trial{Target: t.route.id, Match: t.route.match, Obstacle: t.obstacle, Text: obstacleText(in, path, t)}
	}
	return all
}

func obstacleText(in *inquiry, path string, t trial[*Target]) string {
	m := &t.route.match
	switch t.obstacle {
	case spec.OtherEntry:
		return fmt.Sprintf("it takes requests of the listener %s, not of %s", strings.Join(m.Entries, ", "), in.entry)
	case spec.OtherClient:
		if !in.client.IsValid() {
			return "it asks for certain clients, and where this one comes from was not said"
		}
		return fmt.Sprintf("it does not take the client %s", in.client)
	case spec.OtherPath:
		return pathText(m.Path, path)
	case spec.OtherMethod:
		return fmt.Sprintf("it takes %s, not %s", strings.Join(m.Methods, ", "), in.method)
	case spec.OtherConditions:
		return conditionsText(in, path, m)
	}
	return ""
}

// pathText says how a path misses a literal one, or the start of a template.
func pathText(p spec.Path, path string) string {
	switch rest, below := strings.CutPrefix(path, p.Pattern); {
	case p.Template:
	case p.Exact && below && strings.HasPrefix(rest, "/"):
		return fmt.Sprintf("%s is below %s, and it takes exactly that", path, p.Pattern)
	case !p.Exact && below:
		return fmt.Sprintf("%s begins with %s, and that ends inside a segment there", path, p.Pattern)
	case len(path) >= len(p.Pattern) && strings.EqualFold(path[:len(p.Pattern)], p.Pattern):
		return fmt.Sprintf("%s differs from %s in the case of letters", path, p.Pattern)
	case p.Exact && path+"/" == p.Pattern:
		return fmt.Sprintf("%s lacks the slash at the end of %s", path, p.Pattern)
	}
	if p.Exact {
		return fmt.Sprintf("%s is not %s", path, p.Pattern)
	}
	return fmt.Sprintf("%s is not below %s", path, p.Pattern)
}

// conditionsText names those that do not hold, each asked for by itself.
func conditionsText(in *inquiry, path string, m *spec.Match) string {
	var wrong []string
	ifNot := func(part spec.Match, text string) {
		rules := compileRules(part)
		standIn := standInRequest(in)
		standIn.URL.Path = path
		if _, ok := ask(rules, standIn); !ok {
			wrong = append(wrong, text)
		}
	}
	if m.Path.Template {
		ifNot(spec.Match{Path: m.Path}, pathText(m.Path, path))
	}
	if len(m.Methods) > 0 {
		ifNot(spec.Match{Methods: m.Methods}, fmt.Sprintf("it takes %s, not %s", strings.Join(m.Methods, ", "), in.method))
	}
	for _, c := range m.Headers {
		ifNot(spec.Match{Headers: []spec.Condition{c}}, fmt.Sprintf("the field %s is not as asked for", c.Name))
	}
	for _, c := range m.Queries {
		ifNot(spec.Match{Queries: []spec.Condition{c}}, fmt.Sprintf("the parameter %s is not as asked for", c.Name))
	}
	return strings.Join(wrong, "; ")
}

// nearMisses are routes whose host is nearly the one that was asked for.
func (t *table[T]) nearMisses(q *inquiry) []spec.NearMiss {
	var all []spec.NearMiss
	add := func(s *stage[T], format string, args ...any) {
		if s != nil {
			first := s.routes[0]
			all = append(all, spec.NearMiss{Target: first.id, Match: first.match, Text: fmt.Sprintf(format, args...)})
		}
	}
	other := withOrWithoutWWW(q.host)
	add(load[T](&t.exact, other), "it is %s, not %s", other, q.host)
	add(load[T](&t.wildcards, q.host), "it takes hosts below %s, not that one itself", q.host)
	add(t.likest(q.host), "it looks much like %s", q.host)
	if r := t.likestTemplate(q); r != nil {
		all = append(all, spec.NearMiss{Target: r.id, Match: r.match, Text: fmt.Sprintf("%s has the ends of it, and between them something else", q.host)})
	}
	return all
}

const www = "www."

func withOrWithoutWWW(host string) string {
	if bare, found := strings.CutPrefix(host, www); found {
		return bare
	}
	return www + host
}

// likest is what stands behind the exact host or the wildcard that a mistyped host
// was probably meant for; nil: none is near enough.
func (t *table[T]) likest(host string) *stage[T] {
	l := likest[T]{distance: spelling.Slack(host) + 1}
	t.exact.Range(func(right, s any) bool {
		l.consider(host, right.(string), s.(*stage[T]))
		return true
	})
	t.wildcards.Range(func(right, s any) bool {
		if end, below := lastLabels(host, strings.Count(right.(string), ".")+1); below {
			l.consider(end, right.(string), s.(*stage[T]))
		}
		return true
	})
	return l.stage
}

// likest is the best so far. Of equally good ones it is the first in the alphabet.
type likest[T any] struct {
	stage    *stage[T]
	host     string
	distance int
}

func (l *likest[T]) consider(asked, right string, s *stage[T]) {
	d := spelling.Distance(asked, right, l.distance+1)
	if d == 0 || d > l.distance || d == l.distance && (l.stage == nil || right > l.host) {
		return
	}
	l.stage, l.host, l.distance = s, right, d
}

// lastLabels are the last n labels of a host that has more of them.
func lastLabels(host string, n int) (end string, more bool) {
	for at := len(host); ; n-- {
		if at = strings.LastIndexByte(host[:at], '.'); at < 0 {
			return "", false
		}
		if n == 1 {
			return host[at+1:], true
		}
	}
}

// likestTemplate is the first template whose literal ends a host has; nil: none.
func (t *table[T]) likestTemplate(q *inquiry) *route[T] {
	templates := t.templates.Load()
	if templates == nil {
		return nil
	}
	for _, r := range templates.routes {
		if r.head+r.tail == "" || !r.mayTakeHost(q.host) {
			continue
		}
		if _, ok := ask(r.host, standInRequest(q)); !ok {
			return r
		}
	}
	return nil
}
