package standin

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"

	"github.com/rota-proxy/rota/internal/whoami"
)

func eventsFromNow(pairs ...string) events.ListOptions {
	o := events.ListOptions{Filters: filters.NewArgs()}
	for i := 0; i < len(pairs); i += 2 {
		o.Filters.Add(pairs[i], pairs[i+1])
	}
	return o
}

// stream is a subscription; next waits for its next event.
type stream struct {
	t        *testing.T
	messages <-chan events.Message
	failed   <-chan error
}

func subscribe(t *testing.T, c *client.Client, o events.ListOptions) stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	messages, failed := c.Events(ctx, o)
	return stream{t, messages, failed}
}

func (s stream) next() events.Message {
	s.t.Helper()
	select {
	case m := <-s.messages:
		return m
	case err := <-s.failed:
		s.t.Fatalf("the stream ended: %v", err)
	}
	return events.Message{}
}

// expect waits for events written as `type action`, with the one attribute
// that matters after it.
func (s stream) expect(want ...string) {
	s.t.Helper()
	for _, w := range want {
		m := s.next()
		got := fmt.Sprintf("%s %s", m.Type, m.Action)
		for _, key := range []string{"signal", "exitCode", "oldName"} {
			if value, ok := m.Actor.Attributes[key]; ok {
				got += " " + value
			}
		}
		if got != w {
			s.t.Fatalf("got %q, want %q", got, w)
		}
	}
}

// TestEventsComeAsFromAnEngine follows one container through what was recorded
// from an engine 20.10 with a container on the host's network.
func TestEventsComeAsFromAnEngine(t *testing.T) {
	e, c := start(t)
	s := subscribe(t, c, eventsFromNow())
	ctx := t.Context()

	id := replica(t, e, "a", whoami.Leave{})
	s.expect("container create", "network connect", "container start")
	must(t, e.Pause("a"))
	must(t, e.Unpause("a"))
	s.expect("container pause", "container unpause")
	must(t, e.Rename("a", "b"))
	s.expect("container rename /a")
	must(t, e.Kill(ctx, "b", "SIGUSR1"))
	s.expect("container kill 10")
	must(t, e.Restart(ctx, "b"))
	s.expect("container kill 15", "container die 0", "network disconnect", "container stop", "network connect", "container start", "container restart")
	must(t, e.Pause("b"))
	must(t, e.Stop(ctx, "b"))
	s.expect("container pause", "container kill 15", "container unpause", "container die 0", "network disconnect", "container stop")
	must(t, e.Start("b"))
	must(t, e.Pause("b"))
	must(t, e.Kill(ctx, "b", "KILL"))
	s.expect("network connect", "container start", "container pause", "container kill 9", "container die 137", "network disconnect")
	must(t, e.Start("b"))
	must(t, e.Remove(ctx, id, true))
	s.expect("network connect", "container start", "container kill 9", "container die 137", "network disconnect", "container destroy")
}

func TestEventsCarryWhatAnEngineSays(t *testing.T) {
	e, c := start(t)
	s := subscribe(t, c, eventsFromNow())
	before := time.Now()
	id := replica(t, e, "a", whoami.Leave{})
	created, connected := s.next(), s.next()
	if a := created.Actor.Attributes; created.Actor.ID != id || a["name"] != "a" || a["image"] != "rota" || a["rota.path"] != "/" || a["rota.port"] == "" {
		t.Errorf("%+v", created)
	}
	if created.Scope != "local" || connected.Scope != "local" {
		t.Errorf("%+v", created)
	}
	if a := connected.Actor.Attributes; connected.Actor.ID != hostNetworkID || a["container"] != id || a["name"] != "host" || a["type"] != "host" {
		t.Errorf("%+v", connected)
	}
	if age := time.Unix(0, created.TimeNano).Sub(before); age < 0 || age > time.Minute || connected.TimeNano <= created.TimeNano {
		t.Errorf("stamped %s after the test began", age)
	}
}

func TestEventsAreFiltered(t *testing.T) {
	e, c := start(t)
	id := replica(t, e, "north", whoami.Leave{})
	replica(t, e, "south", whoami.Leave{})
	all := events.ListOptions{Since: "1", Until: "1"}
	for _, filtered := range []struct {
		filter []string
		want   string
	}{
		{nil, "create connect start create connect start"},
		{[]string{"type", "container"}, "create start create start"},
		{[]string{"type", "network"}, "connect connect"},
		{[]string{"type", "volume"}, ""},
		{[]string{"event", "start", "event", "connect"}, "connect start connect start"},
		{[]string{"event", "health_status"}, ""},
		{[]string{"container", "north"}, "create start"},
		{[]string{"container", id[:12]}, "create start"},
		{[]string{"network", "host"}, "connect connect"},
		{[]string{"label", "rota.path=/"}, "create start create start"},
		{[]string{"label", "rota.path=/x"}, ""},
		{[]string{"label", "rota.port", "event", "start"}, "start start"},
		{[]string{"image", "rota", "container", "south"}, "create start"},
		{[]string{"image", "other"}, ""},
		{[]string{"scope", "swarm"}, ""},
	} {
		o := eventsFromNow(filtered.filter...)
		o.Since, o.Until = all.Since, all.Until
		if got := strings.Join(actions(t, c, o), " "); got != filtered.want {
			t.Errorf("%v: %q, want %q", filtered.filter, got, filtered.want)
		}
	}
}

// actions reads a stream that ends by itself.
func actions(t *testing.T, c *client.Client, o events.ListOptions) []string {
	t.Helper()
	messages, failed := c.Events(t.Context(), o)
	var found []string
	for {
		select {
		case m := <-messages:
			found = append(found, string(m.Action))
		case <-failed:
			return found
		}
	}
}

func TestSinceAndUntil(t *testing.T) {
	e, c := start(t)
	replica(t, e, "a", whoami.Leave{})
	past, _, _, _ := e.journal.after(0)
	second := past[1].TimeNano
	since := fmt.Sprintf("%d.%09d", second/1e9, second%1e9)
	if got := actions(t, c, events.ListOptions{Since: since, Until: "1"}); !slices.Equal(got, []string{"connect", "start"}) {
		t.Errorf("since the second: %v", got)
	}
	s := subscribe(t, c, events.ListOptions{Since: since})
	must(t, e.Pause("a"))
	s.expect("network connect", "container start", "container pause")
}

func TestSubscriptionIsThereBeforeTheAnswer(t *testing.T) {
	e, c := start(t)
	replica(t, e, "a", whoami.Leave{})
	for range 20 {
		s := subscribe(t, c, eventsFromNow())
		must(t, e.Pause("a"))
		must(t, e.Unpause("a"))
		s.expect("container pause", "container unpause")
	}
}

func TestParseTime(t *testing.T) {
	for text, want := range map[string]time.Time{
		"": {}, "0": {}, "12": time.Unix(12, 0), "12.5": time.Unix(12, 500_000_000), "12.000000001": time.Unix(12, 1),
	} {
		if got, err := parseTime(text); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"x", "1.x", "1.-5", "2020-01-01", strings.Repeat("9", 30)} {
		if got, err := parseTime(text); err == nil {
			t.Errorf("%q gives %v", text, got)
		}
	}
}

func TestHealthStatusStandsForItsKinds(t *testing.T) {
	s, err := parseSubscription(url.Values{"filters": {`{"event":{"health_status":true}}`}})
	must(t, err)
	if !s.wants(events.Message{Action: events.ActionHealthStatusHealthy}) || s.wants(events.Message{Action: "start"}) {
		t.Error("wrong")
	}
}
