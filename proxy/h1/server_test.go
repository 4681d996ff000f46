package h1

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/rota-proxy/rota/internal/testrig"
)

// However a handler ends, its connection is over then.
func TestHandlersThatDoNotReturn(t *testing.T) {
	for name, end := range map[string]func(){
		"panic":  func() { panic("boom") },
		"abort":  func() { panic(http.ErrAbortHandler) },
		"Goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, w way) {
				told := make(chan any, 1)
				f := newFront(t, w, &Server{Panicked: func(v any) { told <- v }, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/begun" {
						w.Header().Set("Content-Length", "10")
						_, _ = io.WriteString(w, "half")
						w.(http.Flusher).Flush()
					}
					end()
				})})
				for path, want := range map[string]string{"/": "", "/begun": "half"} {
					c := f.dial()
					c.send(simple(http.MethodGet, path))
					if text, _ := io.ReadAll(c.read); !strings.HasSuffix(string(text), want) || want == "" && len(text) > 0 {
						t.Errorf("%s: got %q", path, text)
					}
					if name == "panic" {
						if v := testrig.Await(t, "the panic", told); v != "boom" {
							t.Errorf("told of %v", v)
						}
					}
				}
				f.shutDown()
				if len(told) > 0 {
					t.Errorf("told of %d panics more", len(told))
				}
			})
		})
	}
}

// An answer that ends with the connection must not look whole when it was cut, to
// a client without chunks.
func TestCutUntilClose(t *testing.T) {
	for name, end := range map[string]func(){"abort": func() { panic(http.ErrAbortHandler) }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, w way) {
				seen := make(chan struct{})
				c := handling(t, w, func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.WriteString(w, "half")
					w.(http.Flusher).Flush()
					<-seen
					end()
				}).dial()
				c.send("GET / HTTP/1.0\r\n\r\n")
				res, err := http.ReadResponse(c.read, nil)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(res.Body, make([]byte, len("half"))); err != nil {
					t.Fatal(err)
				}
				close(seen)
				c.wantCut()
			})
		})
	}
}
