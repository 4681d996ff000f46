package whoami

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
)

// Answer is what a request is answered with, as text or as JSON.
type Answer struct {
	Hostname string      `json:"hostname"`
	Name     string      `json:"name"`
	Address  string      `json:"address"` // the address that accepted the connection
	Client   string      `json:"client"`  // who connected: the proxy, seen from here
	Proto    string      `json:"proto"`
	Method   string      `json:"method"`
	URL      string      `json:"url"`
	Host     string      `json:"host"`
	Body     int64       `json:"body"` // bytes
	Headers  http.Header `json:"headers"`
}

// answer reads the body to its end to know its size, and keeps none of it.
func (s server) answer(r *http.Request) (Answer, error) {
	size, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		return Answer{}, err
	}
	return Answer{
		Hostname: s.hostname, Name: s.name, Address: localAddress(r), Client: r.RemoteAddr, Proto: r.Proto,
		Method: r.Method, URL: r.RequestURI, Host: r.Host, Body: size, Headers: r.Header,
	}, nil
}

func localAddress(r *http.Request) string {
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		return addr.String()
	}
	return ""
}

// wantsJSON follows `?json` first, because it is what one can type into a
// browser, then Accept.
func wantsJSON(r *http.Request) bool {
	return r.URL.Query().Has("json") || strings.Contains(r.Header.Get("Accept"), "application/json")
}

// String puts who answered into the first two lines, so that `curl -s … | head
// -2` in a loop shows the rotation.
func (a Answer) String() string {
	var b strings.Builder
	line := func(key string, value any) { fmt.Fprintf(&b, "%s: %v\n", key, value) }
	line("Hostname", a.Hostname)
	line("Name", a.Name)
	line("Address", a.Address)
	line("Client", a.Client)
	line("Request", a.Method+" "+a.URL+" "+a.Proto)
	line("Host", a.Host)
	if a.Body > 0 || a.Method == http.MethodPost {
		line("Body", fmt.Sprintf("%d bytes", a.Body))
	}
	b.WriteString("\n")
	for _, key := range slices.Sorted(maps.Keys(a.Headers)) {
		for _, value := range a.Headers[key] {
			line(key, value)
		}
	}
	return b.String()
}

func (a Answer) writeJSON(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	_ = out.Encode(a) // the client is gone: nobody is left to tell
}
