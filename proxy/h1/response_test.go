package h1

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// head reads the head of an answer as lines.
func (c *client) head() (lines []string) {
	c.t.Helper()
	for {
		line, err := c.read.ReadString('\n')
		if err != nil {
			c.t.Fatalf("no head behind %q: %v", lines, err)
		}
		if line = strings.TrimSuffix(line, "\r\n"); line == "" {
			return lines
		}
		lines = append(lines, line)
	}
}

// values are those of the fields of a name, in whatever case.
func values(lines []string, name string) (found []string) {
	for _, line := range lines {
		if n, v, _ := strings.Cut(line, ":"); strings.EqualFold(n, name) {
			found = append(found, strings.TrimSpace(v))
		}
	}
	return found
}

// What says where an answer ends, and how the connection goes on, is written once,
// however the handler spells its own idea of that.
func TestFramingHasOneAuthor(t *testing.T) {
	const body = "hello"
	for name, c := range map[string]struct {
		set  http.Header
		want map[string]string // the only value; empty: no such field
	}{
		"length":               {http.Header{"content-length": {"5"}}, map[string]string{"Content-Length": "5"}},
		"a length too small":   {http.Header{"content-LENGTH": {"3"}}, map[string]string{"Content-Length": "3"}},
		"length in disguise":   {http.Header{"Content_Length": {"3"}}, map[string]string{"Content-Length": "5", "Content_Length": ""}},
		"coding":               {http.Header{"transfer-encoding": {"chunked"}}, map[string]string{"Content-Length": "5", "Transfer-Encoding": ""}},
		"canonical coding":     {http.Header{"Transfer-Encoding": {"identity"}}, map[string]string{"Content-Length": "5", "Transfer-Encoding": ""}},
		"close":                {http.Header{"connection": {"close"}}, map[string]string{"Connection": "close"}},
		"close in a list":      {http.Header{"Connection": {"x, Close"}}, map[string]string{"Connection": "close"}},
		"keep-alive":           {http.Header{"CONNECTION": {"keep-alive"}}, map[string]string{"Connection": ""}},
		"old ways to persist":  {http.Header{"keep-alive": {"timeout=5"}, "proxy-connection": {"close"}}, map[string]string{"Keep-Alive": "", "Proxy-Connection": "", "Connection": ""}},
		"date":                 {http.Header{"date": {"then"}}, map[string]string{"Date": "then"}},
		"no date":              {http.Header{"date": nil}, map[string]string{"Date": ""}},
		"type":                 {http.Header{"content-type": {"text/x"}}, map[string]string{"Content-Type": "text/x"}},
		"no type":              {http.Header{"content-type": nil}, map[string]string{"Content-Type": ""}},
		"coded, so no guesses": {http.Header{"content-encoding": {"x"}}, map[string]string{"Content-Type": "", "Content-Encoding": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			client := handling(t, way{}, func(w http.ResponseWriter, _ *http.Request) {
				for name, values := range c.set {
					w.Header()[name] = values
				}
				_, _ = io.WriteString(w, body)
			}).dial()
			client.send(simple(http.MethodGet, "/"))
			lines := client.head()
			for name, want := range c.want {
				if got := values(lines, name); len(got) > 1 || strings.Join(got, "") != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		})
	}
}

// An interim answer says nothing of how the final one is framed.
func TestInterimHasNoFraming(t *testing.T) {
	c := handling(t, way{}, func(w http.ResponseWriter, _ *http.Request) {
		for _, name := range []string{"content-length", "Transfer-Encoding", "connection", "Keep-Alive"} {
			w.Header()[name] = []string{"2"}
		}
		w.Header().Set("Link", "</a>")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header()["Content-Length"] = []string{"2"}
		_, _ = io.WriteString(w, "hi")
	}).dial()
	c.send(simple(http.MethodGet, "/"))
	if got, want := fmt.Sprint(c.head()), "[HTTP/1.1 103 Early Hints Link: </a>]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	c.want(http.StatusOK, "hi")
}

// What a middleware sets takes the place of what an Upstream has sent, and of
// framing nothing, however it is spelt.
func TestRelayedFieldsOverridden(t *testing.T) {
	var b *back
	f := handling(t, way{}, func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{
			"content-length": "7", "transfer-encoding": "chunked", "keep-alive": "x", "date": "now", "content-type": "text/y", "a": "ours",
		} {
			w.Header()[name] = []string{value}
		}
		a := b.get(b.dial())
		defer a.Close()
		if _, err := w.(Relayer).Relay(a, func(string) bool { return false }); err != nil {
			t.Error(err)
		}
	})
	b = answering(t, ok("Content-Length: 2", "Date: then", "Content-Type: text/x", "A: theirs", "B: theirs")+"hi")
	c := f.dial()
	c.send(simple(http.MethodGet, "/"))
	lines := c.head()
	for name, want := range map[string]string{
		"Content-Length": "2", "Transfer-Encoding": "", "Keep-Alive": "", "Date": "now", "Content-Type": "text/y", "A": "ours", "B": "theirs",
	} {
		if got := values(lines, name); len(got) > 1 || strings.Join(got, "") != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	body := make([]byte, 2)
	if _, err := io.ReadFull(c.read, body); err != nil || string(body) != "hi" {
		t.Errorf("the body is %q, %v", body, err)
	}
}

// A handler that sets no date has one set, which is about now.
func TestDate(t *testing.T) {
	c := handling(t, way{}, func(http.ResponseWriter, *http.Request) {}).dial()
	c.send(simple(http.MethodGet, "/"))
	a := c.want(http.StatusOK, "")
	at, err := http.ParseTime(a.Header.Get("Date"))
	if age := time.Since(at); err != nil || age < -time.Minute || age > time.Minute {
		t.Errorf("the date is %q: %v, %v old", a.Header.Get("Date"), err, age)
	}
}
