package cmd

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/rota-proxy/rota/proxy/spec"
)

const (
	screenPace   = 100 * time.Millisecond
	screenBar    = 30 // characters
	screenRecent = 7  // answers
)

// demoScreen shows the rotation on a terminal, redrawn in place, and obeys keys.
type demoScreen struct {
	demo   *demo
	out    io.Writer
	began  time.Time
	recent []string
}

func newDemoScreen(d *demo, out io.Writer) *demoScreen {
	return &demoScreen{demo: d, out: out, began: time.Now()}
}

// run draws until ctx ends or a key says so.
func (s *demoScreen) run(ctx context.Context, k *keys) error {
	restore, err := k.start(ctx)
	if err != nil {
		return err
	}
	defer restore()
	_, _ = io.WriteString(s.out, screenStart)
	defer func() { _, _ = io.WriteString(s.out, screenEnd) }()
	redraw := time.NewTicker(screenPace)
	defer redraw.Stop()
	for {
		select {
		case who := <-s.demo.load.replies:
			s.recent = append(s.recent, who)
			s.recent = s.recent[max(0, len(s.recent)-screenRecent):]
		case key := <-k.pressed:
			if key == keyEnd {
				return nil
			}
			s.demo.replicas.ask(orderOf(key))
		case <-redraw.C:
			width, height := terminalSize(s.out)
			if _, err := io.WriteString(s.out, frame(s.text(width), height)); err != nil {
				return fmt.Errorf("drawing: %w", err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func orderOf(k key) order {
	switch k {
	case keyMore:
		return orderMore
	case keyFewer:
		return orderFewer
	}
	return orderKill
}

// text is one frame; no line is wider than width, or the terminal would break
// it and the next frame would not cover this one.
func (s *demoScreen) text(width int) string {
	sent, lost := s.demo.load.sum()
	lines := []string{fmt.Sprintf("rota demo   %s   %s", s.demo.load.url, time.Since(s.began).Truncate(time.Second)), ""}
	lines = append(lines, s.table().lines(width)...)
	lines = append(lines, "",
		"answers    "+strings.Join(s.recent, " "),
		fmt.Sprintf("sent %d   lost %d   %s", sent, lost, s.demo.load.complaint()),
		s.demo.replicas.activity(), "",
		fmt.Sprintf("curl -s %s | head -2", s.demo.load.url),
		"+ more   - fewer   k kill one   q end")
	if width > 0 {
		for i, line := range lines {
			lines[i] = shorten(line, width)
		}
	}
	return strings.Join(lines, "\n")
}

func (s *demoScreen) table() table {
	t := table{header: []string{"REPLICA", "STATE", "REQUESTS", ""}, yields: []yield{{column: 3}, {column: 1, least: 5}}}
	rows := s.rows()
	most := uint64(1)
	for _, r := range rows {
		most = max(most, r.requests)
	}
	for _, r := range rows {
		bar := strings.Repeat("█", int(r.requests*screenBar/most))
		t.rows = append(t.rows, []string{r.name, r.state, fmt.Sprint(r.requests), bar})
	}
	return t
}

type screenRow struct {
	name, state string
	requests    uint64
}

// rows join the replicas that are on stage with what the proxy knows of them.
func (s *demoScreen) rows() []screenRow {
	known := map[string]spec.UpstreamStatus{}
	for _, u := range s.demo.upstreams() {
		name := s.demo.id.replica(u.Name)
		if earlier, twice := known[name]; !twice || u.Since.After(earlier.Since) {
			known[name] = u // a restart is a new Upstream, and the old one may still drain
		}
	}
	var rows []screenRow
	for _, name := range s.demo.replicas.names() {
		r := screenRow{name: name, state: "not running"}
		if u, found := known[name]; found {
			r.state, r.requests = strings.TrimSpace(u.State.String()+" "+printable(u.Reason)), u.Requests
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b screenRow) int { return strings.Compare(a.name, b.name) })
	return rows
}
