package e2e

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestOthersGoOn starts containers that cannot be routed beside one that can:
// that one loses no request, and `rota ps` says of each other why, and what to
// type.
func TestOthersGoOn(t *testing.T) {
	r := newRig(t)
	s := r.setUp(t, r.tools[0], r.brokenServices())
	s.scale("good", 1)
	s.awaitRotation("good")

	begin := time.Now()
	gets := s.startLoad("good", http.MethodGet)
	_, err := s.project.run(t.Context(), "up", "-d", "--no-recreate")
	must(t, err)
	s.runHuge()
	for _, c := range []struct {
		container string
		says      []string
	}{
		{"typo", []string{"rota.hots", "rota.host"}},
		{"badport", []string{"rota.port", "99999"}},
		{"twin", []string{"is held by", r.host("twin")}},
		{"lonely", []string{"network"}},
		{"huge", []string{"rota.host"}},
	} {
		t.Run(c.container, func(t *testing.T) { s.on(t).awaitVerdict(c.container, c.says) })
	}
	all := gets.stop()
	t.Logf("GET: %s", summary(all))
	if failed := failures(all); len(failed) > 0 {
		t.Errorf("%d of %d GETs to the service that is fine failed:%s", len(failed), len(all), describe(failed, begin))
	}
	s.awaitRotation("good")
	if output, err := s.project.run(t.Context(), "exec", "-T", "rota", "rota", "ps"); err == nil {
		t.Logf("rota ps:%s", indented(output))
	}
}

func (r *rig) brokenServices() func(string) map[string]service {
	labelled := func(labels ...string) service {
		s := service{Image: r.appImage, Labels: map[string]string{}}
		for _, label := range labels {
			key, value, _ := strings.Cut(label, "=")
			s.Labels[key] = value
		}
		return s
	}
	lonely := labelled("rota.host=" + r.host("lonely"))
	lonely.Networks = []string{"elsewhere"}
	return func(string) map[string]service {
		return map[string]service{
			"good":    labelled("rota.host=" + r.host("good")),
			"typo":    labelled("rota.hots=" + r.host("typo")),
			"badport": labelled("rota.host="+r.host("badport"), "rota.port=99999"),
			"twin-a":  labelled("rota.host=" + r.host("twin")),
			"twin-b":  labelled("rota.host=" + r.host("twin")),
			"lonely":  lonely,
		}
	}
}

// runHuge starts a container with a label of 1 MB, which only the engine's API
// takes.
func (s *stage) runHuge() {
	s.Helper()
	id, err := s.engine.run(s.Context(), s.project.name+"-huge", s.appImage, s.project.name+"_default",
		map[string]string{"rota.host": strings.Repeat("x", 1<<20) + ".test"})
	if id != "" {
		s.Cleanup(func() { must(s, s.engine.remove(context.Background(), id)) })
	}
	must(s, err)
}

// awaitVerdict waits until ps says everything about the container.
func (s *stage) awaitVerdict(container string, says []string) {
	s.Helper()
	eventually(s, 15*time.Second, func() string {
		output, err := s.project.run(s.Context(), "exec", "-T", "rota", "rota", "ps")
		if err != nil {
			return err.Error()
		}
		for _, part := range says {
			if !strings.Contains(about(container, output), part) {
				return "ps does not say " + part + " of " + container + ":" + indented(output)
			}
		}
		return ""
	})
}

// about gives the lines of ps that name the container, with what is set in
// below them.
func about(container, output string) string {
	var lines strings.Builder
	named := false
	for line := range strings.Lines(output) {
		named = strings.Contains(line, container) || named && strings.HasPrefix(line, "    ")
		if named {
			lines.WriteString(line)
		}
	}
	return lines.String()
}
