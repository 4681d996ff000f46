package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"testing"
)

// TestComposeFile plays what the README says with the repository's own compose
// file: replicas are rotated over exactly, and scaling is followed. With
// GO_IMAGE in the environment the image is built by the compose tool, too.
func TestComposeFile(t *testing.T) {
	r := newRig(t)
	for _, tool := range r.tools {
		t.Run(tool.String(), func(t *testing.T) {
			port := freePort(t)
			s := &stage{rig: r, TB: t, addr: net.JoinHostPort("127.0.0.1", port)}
			s.project = project{tool: tool, name: r.projectName(t), file: "../docker-compose.yml", env: s.composeEnv(port)}
			t.Cleanup(s.tearDown)
			s.up(t.Context())
			for _, replicas := range []int{3, 5, 1} {
				s.scale("whoami", replicas)
				s.countRotation(replicas)
			}
			s.checkHealth()
		})
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = listener.Close() }()
	return fmt.Sprint(listener.Addr().(*net.TCPAddr).Port)
}

func (s *stage) composeEnv(port string) []string {
	return []string{"HTTP_PORT=" + port, "ROTA_IMAGE=" + s.rotaImage, "WHOAMI_HOST=" + s.host("whoami")}
}

func (s *stage) up(ctx context.Context) {
	s.Helper()
	build := "--no-build"
	if os.Getenv("GO_IMAGE") != "" {
		build = "--build"
	}
	_, err := s.project.run(ctx, "up", build, "-d", "--scale", "whoami=3")
	must(s, err)
}

// countRotation sends 300 requests, one after the other: an equal number has to
// come to each replica.
func (s *stage) countRotation(replicas int) {
	s.Helper()
	s.awaitWhoami(replicas)
	const requests = 300
	counts := s.countWhoami(requests)
	for hostname, n := range counts {
		if n != requests/replicas {
			s.Errorf("%s got %d of %d requests, %d replicas: %v", hostname, n, requests, replicas, counts)
		}
	}
	if len(counts) != replicas {
		s.Errorf("%d of %d replicas answered: %v", len(counts), replicas, counts)
	}
}

func (s *stage) awaitWhoami(replicas int) {
	s.Helper()
	eventually(s, patient, func() string {
		if counts := s.countWhoami(4 * replicas); len(counts) != replicas || counts[""] > 0 {
			return fmt.Sprintf("%d replicas are wanted, answers: %v", replicas, counts)
		}
		return ""
	})
}

// countWhoami counts the answers of each replica to n requests; those without a
// replica's name count under the empty one.
func (s *stage) countWhoami(n int) map[string]int {
	c := newClient(s.addr, patient)
	defer c.close()
	hostname := regexp.MustCompile(`(?m)^Hostname: (\S+)$`)
	counts := map[string]int{}
	for range n {
		request, err := http.NewRequestWithContext(s.Context(), http.MethodGet, "http://"+s.host("whoami")+"/", nil)
		must(s, err)
		who := ""
		if a, err := c.do(request); err == nil {
			if found := hostname.FindStringSubmatch(a.body); found != nil {
				who = found[1]
			}
		}
		counts[who]++
	}
	return counts
}

// checkHealth runs the image's HEALTHCHECK by hand.
func (s *stage) checkHealth() {
	s.Helper()
	if output, err := s.project.run(s.Context(), "exec", "-T", "rota", "rota", "healthcheck"); err != nil {
		s.Errorf("the health check fails: %v%s", err, indented(output))
	}
}
