package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/rota-proxy/rota/internal/whoami"
)

// demoPace is the time between two requests of a demo.
const demoPace = 250 * time.Millisecond

// demoLoad asks the proxy again and again who answers.
type demoLoad struct {
	url     string
	client  http.Client
	replies chan string // who answered; read by the view, never waited for

	mu     sync.Mutex
	counts map[string]int // by replica
	sent   int
	lost   int
	why    string // of the last lost one
}

func newDemoLoad(url string) *demoLoad {
	// A transport of its own, so that its connections end with the demo.
	return &demoLoad{
		url: url, client: http.Client{Transport: &http.Transport{}},
		replies: make(chan string, 100), counts: map[string]int{},
	}
}

// run sends until ctx ends. The one that is under way then is not counted.
func (l *demoLoad) run(ctx context.Context) {
	defer l.client.CloseIdleConnections()
	tick := time.NewTicker(demoPace)
	defer tick.Stop()
	for {
		who, err := l.ask(ctx)
		if ctx.Err() != nil {
			return
		}
		l.note(who, err)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// ask sends one request and returns the name of who answered it.
func (l *demoLoad) ask(ctx context.Context) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url, nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "rota-demo")
	answer, err := l.client.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err != nil {
		return "", err
	}
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", answer.Status, firstLine(body))
	}
	var a whoami.Answer
	if err := json.Unmarshal(body, &a); err != nil {
		return "", fmt.Errorf("not an answer of whoami: %w", err)
	}
	return printable(a.Name), nil
}

func (l *demoLoad) note(who string, err error) {
	l.mu.Lock()
	l.sent++
	if err == nil {
		l.counts[who]++
	} else {
		l.lost++
		l.why = printable(oneLine(err))
		who = "lost"
	}
	l.mu.Unlock()
	select {
	case l.replies <- who:
	default:
	}
}

// tally is how many requests each replica has answered.
func (l *demoLoad) tally() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.counts)
}

func (l *demoLoad) sum() (sent, lost int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent, l.lost
}

// complaint says why the last lost request was; empty when none was.
func (l *demoLoad) complaint() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.why
}
