package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
)

// tell notes what happened to a container, with further attributes in pairs.
// The caller holds the lock, so that events come in the order of changes.
func (e *Engine) tell(c *container, action events.Action, more ...string) {
	attributes := maps.Clone(c.labels)
	attributes["image"], attributes["name"] = c.image, c.name
	for i := 0; i < len(more); i += 2 {
		attributes[more[i]] = more[i+1]
	}
	e.journal.add(events.Message{
		Type: events.ContainerEventType, Action: action,
		Actor: events.Actor{ID: c.id, Attributes: attributes},
	})
}

// tellNetwork notes that a container joined or left the host's network.
func (e *Engine) tellNetwork(c *container, action events.Action) {
	e.journal.add(events.Message{
		Type: events.NetworkEventType, Action: action,
		Actor: events.Actor{ID: hostNetworkID, Attributes: map[string]string{
			"container": c.id, "name": network.NetworkHost, "type": "host",
		}},
	})
}

// subscription is what a client of /events asked for.
type subscription struct {
	since, until time.Time // zero: from now on, for ever
	filter       filters.Args
}

// knownFilters are an engine's that make sense here.
var knownFilters = map[string]bool{
	"type": true, "event": true, "container": true, "network": true, "image": true, "label": true, "scope": true, "daemon": true,
}

func parseSubscription(query url.Values) (s subscription, err error) {
	if s.since, err = parseTime(query.Get("since")); err != nil {
		return s, err
	}
	if s.until, err = parseTime(query.Get("until")); err != nil {
		return s, err
	}
	if s.filter, err = filters.FromJSON(query.Get("filters")); err != nil {
		return s, fmt.Errorf("reading the filters: %w", err)
	}
	return s, s.filter.Validate(knownFilters)
}

// parseTime reads seconds since 1970 with a fraction, which is what clients
// make of every form of time.
func parseTime(text string) (time.Time, error) {
	if text == "" || text == "0" {
		return time.Time{}, nil
	}
	whole, fraction, _ := strings.Cut(text, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no time in seconds since 1970", text)
	}
	nanos := int64(0)
	if fraction != "" {
		nanos, err = strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	}
	if err != nil || nanos < 0 {
		return time.Time{}, fmt.Errorf("%q is no time in seconds since 1970", text)
	}
	return time.Unix(seconds, nanos), nil
}

// wants says whether an event passes the filters: any value of one filter, all
// filters together.
func (s subscription) wants(m events.Message) bool {
	f, attributes := s.filter, m.Actor.Attributes
	return f.ExactMatch("type", string(m.Type)) &&
		f.ExactMatch("scope", m.Scope) &&
		s.wantsAction(m.Action) &&
		(!f.Contains("image") || f.ExactMatch("image", attributes["image"])) &&
		(!f.Contains("label") || f.MatchKVList("label", attributes)) &&
		(!f.Contains("container") || m.Type == events.ContainerEventType && s.names("container", m)) &&
		(!f.Contains("network") || m.Type == events.NetworkEventType && s.names("network", m))
}

// wantsAction lets `health_status` stand for `health_status: healthy` too.
func (s subscription) wantsAction(a events.Action) bool {
	kind, _, _ := strings.Cut(string(a), ":")
	return s.filter.ExactMatch("event", string(a)) || s.filter.ExactMatch("event", kind)
}

// names says whether the filter has the start of the actor's id or its name.
func (s subscription) names(filter string, m events.Message) bool {
	return s.filter.FuzzyMatch(filter, m.Actor.ID) || s.filter.ExactMatch(filter, m.Actor.Attributes["name"])
}

// getEvents streams. The position is taken before the client sees the answer's
// head: whoever lists after that misses nothing.
func (e *Engine) getEvents(w http.ResponseWriter, r *http.Request) {
	s, err := parseSubscription(r.URL.Query())
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	seen := e.journal.now()
	if !s.since.IsZero() {
		seen = e.journal.since(s.since)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	if http.NewResponseController(w).Flush() != nil {
		return
	}
	ctx := r.Context() // ends with the client and with the engine
	if !s.until.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, s.until)
		defer cancel()
	}
	e.follow(ctx, w, s, seen)
}

// follow sends what comes after event number seen. A reader that is too far
// behind is cut off: a hole in the stream could not be noticed.
func (e *Engine) follow(ctx context.Context, w http.ResponseWriter, s subscription, seen uint64) {
	out, encoder := http.NewResponseController(w), json.NewEncoder(w)
	for {
		found, newest, news, whole := e.journal.after(seen)
		if !whole {
			return
		}
		for _, m := range found {
			if s.wants(m) && encoder.Encode(m) != nil {
				return
			}
		}
		if out.Flush() != nil {
			return
		}
		seen = newest
		select {
		case <-news:
		case <-ctx.Done():
			return
		}
	}
}
