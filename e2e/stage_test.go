package e2e

import (
	"context"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// stage is one compose project with rota in front of a service, the engine's
// socket that rota sees, and those who watch from outside.
type stage struct {
	*rig
	testing.TB
	project   project
	socket    *socketProxy
	collector *collector
	journal   *journal
	addr      string // rota's http entry
}

const (
	rate    = 300 // requests a second, of each kind
	patient = 60 * time.Second
)

// setUp starts rota and, at no replica, the services that are given.
func (r *rig) setUp(tb testing.TB, tool composeTool, services func(collector string) map[string]service) *stage {
	tb.Helper()
	s := &stage{rig: r, TB: tb, project: project{tool: tool, name: r.projectName(tb)}}
	s.openSocket()
	s.watch()
	file := composeFile{Services: services(s.collector.port()), Networks: map[string]struct{}{"default": {}, "elsewhere": {}}}
	file.Services["rota"] = s.rota()
	path, err := file.write(tb.TempDir())
	must(tb, err)
	s.project.file = path
	tb.Cleanup(s.tearDown)
	must(tb, s.project.scale(tb.Context(), "rota", 1))
	s.findRota()
	return s
}

// projectName is unique in a run, and short: container names are made of it.
func (r *rig) projectName(tb testing.TB) string {
	name := strings.ToLower(tb.Name()[strings.LastIndex(tb.Name(), "/")+1:])
	return r.run + "-" + strings.NewReplacer(" ", "", ",", "", ".", "").Replace(name)
}

func (s *stage) openSocket() {
	// Not TB.TempDir: its name has the test's, and a socket's path must be short.
	folder, err := os.MkdirTemp("", "rota-e2e-")
	must(s, err)
	s.Cleanup(func() { _ = os.RemoveAll(folder) })
	must(s, os.Chmod(folder, 0o755)) // rota's root has no capability to pass over permissions
	s.socket, err = newSocketProxy(folder, s.engine.socket)
	must(s, err)
	s.Cleanup(func() { must(s, s.socket.cut()) })
}

func (s *stage) watch() {
	var err error
	s.collector, err = newCollector()
	must(s, err)
	s.Cleanup(s.collector.close)
	s.journal = keepJournal(s.engine, s.project.name)
	s.Cleanup(s.journal.close)
}

// rota is the service of the repository's compose file, on the socket that can
// be cut.
func (s *stage) rota() service {
	return service{
		Image: s.rotaImage,
		Environment: map[string]string{
			"DOCKER_HOST": "unix:///run/engine/" + socketName,
			// 600 lines a second for the engine to write would be a load of
			// their own.
			"ROTA_ACCESS_LOG":    "off",
			"ROTA_DEBUG_HEADERS": "true",
		},
		Volumes:     []string{s.socket.dir + ":/run/engine:ro", "/data"},
		ReadOnly:    true,
		CapDrop:     []string{"ALL"},
		CapAdd:      []string{"NET_BIND_SERVICE"},
		SecurityOpt: []string{"no-new-privileges:true"},
		StopGrace:   "35s",
	}
}

// findRota learns rota's address on the project's network. The load goes there
// and not to a published port: that one is a process of the engine's, or a
// translation of addresses, and either has losses of its own.
func (s *stage) findRota() {
	replicas, err := s.engine.replicas(s.Context(), s.project.name, "rota")
	must(s, err)
	if len(replicas) != 1 || replicas[0].ip == "" {
		s.Fatalf("rota has no address: %+v", replicas)
	}
	s.addr = net.JoinHostPort(replicas[0].ip, "80")
}

func (s *stage) tearDown() {
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	if s.Failed() {
		s.tellOfRota(ctx)
	}
	if err := s.project.down(ctx); err != nil {
		s.Errorf("a project stays behind: %v", err)
	}
}

func (s *stage) tellOfRota(ctx context.Context) {
	if output, err := s.project.run(ctx, "exec", "-T", "rota", "rota", "ps"); err == nil {
		s.Logf("rota ps:%s", indented(output))
	}
	replicas, err := s.engine.replicas(ctx, s.project.name, "rota")
	if err != nil || len(replicas) == 0 {
		return
	}
	if lines, err := s.engine.logs(ctx, replicas[0].id, "60"); err == nil {
		s.Logf("rota's log ends:%s", indented(lines))
	}
}

// on gives the stage to a subtest.
func (s *stage) on(tb testing.TB) *stage {
	other := *s
	other.TB = tb
	return &other
}

// running gives the replicas of a service that run.
func (s *stage) running(name string) []replica {
	all, err := s.engine.replicas(s.Context(), s.project.name, name)
	must(s, err)
	return slices.DeleteFunc(all, func(r replica) bool { return !r.running })
}

// reports gives what the apps reported so far.
func (s *stage) reports() []report {
	s.Helper()
	all, err := s.collector.all()
	must(s, err)
	return all
}

func (s *stage) scale(name string, n int) {
	s.Helper()
	must(s, s.project.scale(s.Context(), name, n))
}

// awaitRotation waits until the running replicas of a service, those left out
// excepted, are exactly the ones that answer.
func (s *stage) awaitRotation(name string, without ...replica) {
	s.Helper()
	want := map[string]bool{}
	for _, r := range s.running(name) {
		want[r.instance()] = true
	}
	for _, r := range without {
		delete(want, r.instance())
	}
	c := newClient(s.addr, patient)
	defer c.close()
	eventually(s, patient, func() string {
		got, err := s.whoAnswers(c, s.host(name), 8*len(want))
		if err != nil {
			return err.Error()
		}
		if maps.Equal(got, want) {
			return ""
		}
		return "answered by " + list(got) + " instead of " + list(want)
	})
}

// whoAnswers asks n times, one after the other.
func (s *stage) whoAnswers(c *client, host string, n int) (map[string]bool, error) {
	got := map[string]bool{}
	for range n {
		r, err := http.NewRequestWithContext(s.Context(), http.MethodGet, "http://"+host+"/", nil)
		must(s, err)
		a, err := c.do(r)
		if err != nil {
			return nil, err
		}
		if a.status != http.StatusOK {
			return got, nil
		}
		got[a.body] = true
	}
	return got, nil
}

func list(set map[string]bool) string {
	return "[" + strings.Join(slices.Sorted(maps.Keys(set)), " ") + "]"
}
