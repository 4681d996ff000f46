package cmd

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rota-proxy/rota/admin"
	"github.com/rota-proxy/rota/internal/testrig"
)

// backendCalled is a backend that answers with its name and the request's URI.
func backendCalled(t *testing.T, name string) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", name, r.RequestURI)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// routes writes a file of static Targets.
func routes(t *testing.T, path, entries string) string {
	t.Helper()
	put(t, path, []byte("targets:\n"+entries))
	return path
}

func inFolder(t *testing.T) string { return filepath.Join(t.TempDir(), "routes.yml") }

func TestServeRoutesByAFileAlone(t *testing.T) {
	one, two := backendCalled(t, "one"), backendCalled(t, "two")
	file := routes(t, inFolder(t), fmt.Sprintf("  web: { host: web.test, upstreams: [ %s/base?x=1 ] }\n", one))
	r := serve(t, "off", "--file", file)
	if status := r.ready(); status != http.StatusOK {
		t.Errorf("/readyz answers %d at the start, want 200", status)
	}
	if status, body := r.get("web.test", "/a?b"); status != http.StatusOK || body != "one /base/a?x=1&b" {
		t.Errorf("answered %d %q", status, body)
	}
	if status, _ := r.get("other.test", "/"); status != http.StatusNotFound {
		t.Errorf("an unknown host gets %d, want 404", status)
	}

	routes(t, file, fmt.Sprintf("  web: { host: web.test, upstreams: [ %s, %s ] }\n", one, two))
	seen := map[string]bool{}
	await(t, "both backends", func() bool {
		status, body := r.get("web.test", "/")
		if status != http.StatusOK {
			t.Fatalf("answered %d %q", status, body)
		}
		seen[body] = true
		return seen["one /"] && seen["two /"]
	})

	if err := os.WriteFile(file, []byte("targets:\n  web: {"), 0o644); err != nil {
		t.Fatal(err)
	}
	await(t, "ps to say that the file is broken", func() bool {
		return strings.Contains(execute(t, nil, "ps", "--data", r.data).stdout, "routes.yml said before is served")
	})
	if status, body := r.get("web.test", "/"); status != http.StatusOK {
		t.Errorf("under a broken file %d %q", status, body)
	}

	routes(t, file, fmt.Sprintf("  new: { host: web.test, upstreams: [ %s ] }\n", two))
	await(t, "the other entry to have the host", func() bool {
		status, body := r.get("web.test", "/")
		if status != http.StatusOK {
			t.Fatalf("answered %d %q while the host changes hands", status, body)
		}
		return strings.Contains(execute(t, nil, "ps", "--data", r.data).stdout, "file:new") && body == "two /"
	})
	if code := r.exit(); code != exitFine {
		t.Errorf("exit code %d; it logged %s", code, r.log)
	}
}

func TestServeHoldsForAStaticBackendThatIsNotUpYet(t *testing.T) {
	addr := testrig.FreeAddress(t)
	r := serve(t, "off", "--file", routes(t, inFolder(t), fmt.Sprintf("  web: { host: web.test, upstreams: [ http://%s ] }\n", addr)))
	answered := make(chan string, 1)
	go func() {
		status, body := r.get("web.test", "/")
		answered <- fmt.Sprintf("%d %s", status, body)
	}()
	await(t, "the request to be held", func() bool {
		targets, err := admin.NewClient(r.addr, "").Targets(t.Context())
		return err == nil && len(targets.Targets) == 1 && targets.Targets[0].Held == 1
	})
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	late := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "late") })}
	t.Cleanup(func() { late.Close() })
	go func() { _ = late.Serve(ln) }()
	if got := <-answered; got != "200 late" {
		t.Errorf("answered %q", got)
	}
}

func TestServeRoutesByAFileAndAnEngine(t *testing.T) {
	file := routes(t, inFolder(t), fmt.Sprintf("  web: { host: web.test, upstreams: [ %s ] }\n  who: { host: who.test/static, upstreams: [ %s ] }\n",
		backendCalled(t, "web"), backendCalled(t, "static")))
	r := serve(t, engineWith(t, "who-1").Host(), "--file", file)
	await(t, "readiness", func() bool { return r.ready() == http.StatusOK })
	for _, c := range []struct{ host, path, want string }{
		{"web.test", "/", "web /"}, {"who.test", "/static", "static /static"}, {"who.test", "/", "who-1"},
	} {
		if status, body := r.get(c.host, c.path); status != http.StatusOK || !strings.Contains(body, c.want) {
			t.Errorf("%s%s: %d %q, want %q", c.host, c.path, status, body, c.want)
		}
	}
	got := execute(t, nil, "ps", "--data", r.data).stdout
	for _, words := range []string{"who-1", "file:web", "file:who", "who.test/static", "ready"} {
		if !strings.Contains(got, words) {
			t.Errorf("ps does not say %q:\n%s", words, got)
		}
	}
}

// Who is first holds the host, and both are told.
func TestServeTellsOfAHostThatAFileAndAContainerClaim(t *testing.T) {
	file := routes(t, inFolder(t), fmt.Sprintf("  mine: { host: who.test, upstreams: [ %s ] }\n", backendCalled(t, "mine")))
	r := serve(t, engineWith(t, "who-1").Host(), "--file", file)
	await(t, "readiness", func() bool { return r.ready() == http.StatusOK })
	if status, body := r.get("who.test", "/"); status != http.StatusOK || body != "mine /" {
		t.Errorf("answered %d %q", status, body)
	}
	await(t, "ps to tell", func() bool {
		return strings.Contains(execute(t, nil, "ps", "--data", r.data).stdout, "who.test is held by file:mine")
	})
}

func TestServeSaysWhatIsWrongInAFile(t *testing.T) {
	file := inFolder(t)
	for text, words := range map[string][]string{
		"":                    {"routes.yml: it is empty", "targets: {}"},
		"target: {}\n":        {"routes.yml:1:1", `"target"`, "nearest: targets"},
		"targets:\n  a: {\n":  {"routes.yml:3:", "not YAML"},
		"targets:\n  a:\n\tb": {"routes.yml:3:", "tabs"},
	} {
		put(t, file, []byte(text))
		refused(t, nil, []string{"--docker", "off", "--http", "127.0.0.1:0", "--https=", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--file", file},
			append(words, "--file")...)
	}
	refused(t, []string{"ROTA_FILE=/does/not/exist.yml"}, []string{"--docker", "off", "--http", "127.0.0.1:0", "--https=", "--admin", "127.0.0.1:0", "--data", t.TempDir()},
		"/does/not/exist.yml: no such file or directory")

	routes(t, file, fmt.Sprintf(`  good: { host: good.test, upstreams: [ %s ] }
  bad: { hots: bad.test, upstreams: [ "http://127.0.0.1:9" ] }
  shut: { host: shut.test, auth.basic: "a:b", upstreams: [ "http://127.0.0.1:9" ] }
`, backendCalled(t, "good")))
	r := serve(t, "off", "--file", file)
	for host, want := range map[string]int{"good.test": 200, "bad.test": 404, "shut.test": 503} {
		if status, body := r.get(host, "/"); status != want {
			t.Errorf("%s answers %d %q, want %d", host, status, body, want)
		}
	}
	got := execute(t, nil, "ps", "--data", r.data)
	for _, words := range []string{
		`routes.yml:3:10: bad: hots "bad.test": is no option (nearest: host)`, "write host", "bad: the Target is not created",
		"shut: every request is answered with 503", "closed",
	} {
		if !strings.Contains(got.stdout, words) {
			t.Errorf("ps does not say %q:\n%s%s", words, got.stdout, got.stderr)
		}
	}
}

// Nobody stops a backend because a file names it no longer.
func TestServeLetsAStaticBackendFinish(t *testing.T) {
	reached, release := make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			return
		}
		close(reached)
		<-release
		fmt.Fprint(w, "finished")
	}))
	defer slow.Close()
	entry := "  web: { host: web.test, upstreams: [ %s ] }\n"
	for _, c := range []struct{ what, entries string }{
		{"an upstream is replaced", fmt.Sprintf(entry, backendCalled(t, "new"))},
		{"an entry is replaced", strings.ReplaceAll(fmt.Sprintf(entry, backendCalled(t, "new")), "  web:", "  other:")},
	} {
		t.Run(c.what, func(t *testing.T) {
			reached, release = make(chan struct{}), make(chan struct{})
			file := routes(t, inFolder(t), fmt.Sprintf(entry, slow.URL))
			r := serve(t, "off", "--file", file)
			answered := make(chan string, 1)
			go func() {
				response, err := http.DefaultClient.Do(post(t, "http://"+r.traffic(), "web.test"))
				if err != nil {
					answered <- err.Error()
					return
				}
				defer response.Body.Close()
				text, _ := io.ReadAll(response.Body)
				answered <- string(text)
			}()
			<-reached
			routes(t, file, c.entries)
			await(t, "the new backend", func() bool {
				_, body := r.get("web.test", "/")
				return body == "new /"
			})
			// Who is gone is cut after a quarter of a second.
			changed := time.Now()
			await(t, "the time in which it would be cut", func() bool { return time.Since(changed) > 400*time.Millisecond })
			close(release)
			if got := <-answered; got != "finished" {
				t.Errorf("the running POST got %q", got)
			}
		})
	}
}

func post(t *testing.T, url, host string) *http.Request {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	return request
}
