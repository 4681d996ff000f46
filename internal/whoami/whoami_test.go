package whoami

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// start serves a whoami named tester and returns its URL.
func start(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(Handler("tester"))
	t.Cleanup(s.Close)
	return s.URL
}

// send returns status and body of the answer to one request.
func send(t *testing.T, method, url, body string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func TestTextSaysWhoFirst(t *testing.T) {
	hostname, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	url := start(t)
	code, text := send(t, "GET", url+"/a//b?x=1", "", "X-Test", "seen")
	if want := "Hostname: " + hostname + "\nName: tester\n"; code != 200 || !strings.HasPrefix(text, want) {
		t.Fatalf("got %d %q, want a start of %q", code, text, want)
	}
	address := strings.TrimPrefix(url, "http://")
	for _, line := range []string{"Request: GET /a//b?x=1 HTTP/1.1\n", "Host: " + address + "\n", "Address: " + address + "\n", "\nX-Test: seen\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("%q is missing in\n%s", line, text)
		}
	}
	if strings.Contains(text, "Body:") {
		t.Errorf("a GET without body shows one:\n%s", text)
	}
}

func TestNameFallsBackToHostname(t *testing.T) {
	hostname, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	Handler("").ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if !strings.Contains(w.Body.String(), "\nName: "+hostname+"\n") {
		t.Error(w.Body.String())
	}
}

func TestJSON(t *testing.T) {
	url := start(t)
	for name, ask := range map[string]func() (int, string){
		"query": func() (int, string) { return send(t, "GET", url+"/p?json", "", "X-Test", "seen") },
		"accept": func() (int, string) {
			return send(t, "GET", url+"/p", "", "X-Test", "seen", "Accept", "text/html, application/json")
		},
	} {
		t.Run(name, func(t *testing.T) {
			code, text := ask()
			var a Answer
			if err := json.Unmarshal([]byte(text), &a); err != nil || code != 200 {
				t.Fatalf("%d %v: %s", code, err, text)
			}
			if a.Name != "tester" || a.Method != "GET" || !strings.HasPrefix(a.URL, "/p") || a.Headers.Get("X-Test") != "seen" {
				t.Errorf("%+v", a)
			}
		})
	}
}

func TestPostEchoesSize(t *testing.T) {
	url := start(t)
	if _, text := send(t, "POST", url, strings.Repeat("x", 100_000)); !strings.Contains(text, "\nBody: 100000 bytes\n") {
		t.Error(text)
	}
	if _, text := send(t, "POST", url, ""); !strings.Contains(text, "\nBody: 0 bytes\n") {
		t.Error(text)
	}
}

func TestHealthAndStatus(t *testing.T) {
	url := start(t)
	for path, want := range map[string]int{
		"/health": 200, "/status/503": 503, "/status/204": 204, "/status/299": 299,
		"/status/100": 400, "/status/600": 400, "/status/x": 400, "/status/": 400, "/status": 200,
	} {
		if code, _ := send(t, "GET", url+path, ""); code != want {
			t.Errorf("%s: got %d, want %d", path, code, want)
		}
	}
}

func TestSleepAnswersAfterwards(t *testing.T) {
	url := start(t)
	before := time.Now()
	code, text := send(t, "GET", url+"/sleep?for=30ms", "")
	if took := time.Since(before); code != 200 || !strings.HasPrefix(text, "Hostname: ") || took < 30*time.Millisecond {
		t.Errorf("after %s: %d %s", took, code, text)
	}
}

func TestTrialsRefuseWhatIsOutOfBounds(t *testing.T) {
	url := start(t)
	for _, path := range []string{
		"/sleep?for=61s", "/sleep?for=-1s", "/sleep?for=x", "/stream?ticks=0", "/stream?ticks=x",
		"/stream?ticks=10001&every=0s", "/stream?ticks=100&every=1s", "/stream?every=2m",
	} {
		if code, text := send(t, "GET", url+path, ""); code != 400 || text == "" {
			t.Errorf("%s: %d %s", path, code, text)
		}
	}
}

func TestStreamFlushesEachTick(t *testing.T) {
	res, err := http.Get(start(t) + "/stream?ticks=3&every=20ms")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if kind := res.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Error(kind)
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	want := "id: 1\ndata: tick 1 of 3 from tester\n\nid: 2\ndata: tick 2 of 3 from tester\n\nid: 3\ndata: tick 3 of 3 from tester\n\n"
	if string(text) != want {
		t.Errorf("got %q", text)
	}
}

func TestStreamStartsBeforeItEnds(t *testing.T) {
	res, err := http.Get(start(t) + "/stream?ticks=2&every=29s")
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, len("id: 1\n"))
	if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "id: 1\n" {
		t.Errorf("%q %v", first, err)
	}
	res.Body.Close() // the server's Close waits for the handler: leaving has to end it
}
