package whoami

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// run is a Server at work; stop tells it to go, ended yields what Serve said.
type run struct {
	*Server
	url   string
	stop  context.CancelFunc
	ended chan error
}

func serve(t *testing.T, h http.Handler, l Leave) run {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r := run{Server: NewServer(h, l), url: "http://" + ln.Addr().String(), stop: stop, ended: make(chan error, 1)}
	go func() { r.ended <- r.Serve(ctx, ln) }()
	t.Cleanup(func() { r.Kill() })
	return r
}

func (r run) end(t *testing.T) {
	t.Helper()
	select {
	case err := <-r.ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the server did not end")
	}
}

// held is a handler whose requests run until release is closed.
func held() (h http.HandlerFunc, arrived, release chan struct{}) {
	arrived, release = make(chan struct{}, 10), make(chan struct{})
	return func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		select {
		case <-release:
			_, _ = io.WriteString(w, "done")
		case <-r.Context().Done():
		}
	}, arrived, release
}

// get sends a request in the background; the channel has the body, or what
// went wrong instead.
func get(url string) chan string {
	answer := make(chan string, 1)
	go func() {
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		res, err := client.Get(url)
		if err != nil {
			answer <- "failed"
			return
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			text = []byte("cut")
		}
		answer <- string(text)
	}()
	return answer
}

func TestStopFinishesRunningRequests(t *testing.T) {
	h, arrived, release := held()
	s := serve(t, h, Leave{})
	answer := get(s.url)
	<-arrived
	s.stop()
	waitRefused(t, s.url)
	close(release)
	if got := <-answer; got != "done" {
		t.Errorf("got %q", got)
	}
	s.end(t)
}

func TestStopAtOnceCutsThem(t *testing.T) {
	h, arrived, _ := held()
	s := serve(t, h, Leave{AtOnce: true})
	answer := get(s.url)
	<-arrived
	s.stop()
	if got := <-answer; got != "failed" {
		t.Errorf("got %q", got)
	}
	s.end(t)
}

func TestDrainGoesOnAccepting(t *testing.T) {
	s := serve(t, Handler("x"), Leave{Drain: time.Hour})
	s.stop()
	if got := <-get(s.url + "/health"); got != "ok\n" {
		t.Errorf("got %q", got)
	}
	s.Kill()
	s.end(t)
}

func TestDrainEnds(t *testing.T) {
	s := serve(t, Handler("x"), Leave{Drain: 10 * time.Millisecond})
	s.stop()
	s.end(t)
	if got := <-get(s.url); got != "failed" {
		t.Errorf("got %q", got)
	}
}

func TestKillCutsTheRunningOnes(t *testing.T) {
	h, arrived, _ := held()
	s := serve(t, h, Leave{Drain: time.Hour})
	answer := get(s.url)
	<-arrived
	s.stop()
	s.Kill()
	if got := <-answer; got != "failed" {
		t.Errorf("got %q", got)
	}
	s.end(t)
}

func TestServeNamesABrokenListener(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := NewServer(Handler(""), Leave{}).Serve(t.Context(), ln); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// waitRefused returns once nobody accepts connections there any more.
func waitRefused(t *testing.T, url string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		conn, err := net.DialTimeout("tcp", url[len("http://"):], time.Second)
		if err != nil {
			return
		}
		conn.Close()
		time.Sleep(time.Millisecond)
	}
	t.Fatal("still accepting")
}
