package cmd

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// startWhoami runs the command and returns its URL, what stops it and its end.
func startWhoami(t *testing.T, env environment, args ...string) (url string, stop context.CancelFunc, ended chan error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	c := newWhoamiCommand(env)
	c.SetArgs(append([]string{"--listen", "127.0.0.1:0"}, args...))
	c.SetOut(in)
	ended = make(chan error, 1)
	go func() { ended <- c.ExecuteContext(ctx) }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(strings.TrimPrefix(line, "whoami answers on ")), stop, ended
}

func TestWhoamiAnswersUntilItIsStopped(t *testing.T) {
	url, stop, ended := startWhoami(t, nil, "--name", "shop-web-1")
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || !strings.Contains(string(text), "\nName: shop-web-1\n") {
		t.Errorf("%v: %s", err, text)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := http.Get(url); err == nil {
		t.Error("it still answers")
	}
}

func TestWhoamiTakesItsNameFromTheEnvironment(t *testing.T) {
	url, stop, ended := startWhoami(t, environment{"WHOAMI_NAME=from-env"})
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, _ := io.ReadAll(res.Body); !strings.Contains(string(text), "\nName: from-env\n") {
		t.Errorf("%s", text)
	}
	stop()
	<-ended
}

func TestWhoamiCanBeStoppedBeforeItListens(t *testing.T) {
	c := newWhoamiCommand(nil)
	c.SetArgs([]string{"--start-delay", "1h", "--listen", "127.0.0.1:0"})
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := c.ExecuteContext(ctx); err != nil {
		t.Error(err)
	}
}

func TestWhoamiSaysWhyItCannotListen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c := newWhoamiCommand(nil)
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetArgs([]string{"--listen", taken.Addr().String()})
	err = c.ExecuteContext(t.Context())
	if err == nil || !strings.Contains(err.Error(), taken.Addr().String()) {
		t.Errorf("got %v", err)
	}
}
