package cmd

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rota-proxy/rota/admin"
	"github.com/rota-proxy/rota/internal/testrig"
)

// running is a rota that answers with the example, or what the handler makes of
// it, and returns its address.
func running(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	if handler == nil {
		handler = func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(example()) }
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestPsFindsTheRunningRota(t *testing.T) {
	addr := running(t, nil)
	data := t.TempDir()
	if err := whereaboutsIn(data).write(addr); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]said{
		"by flag":        execute(t, nil, "ps", "--admin", addr),
		"by variable":    execute(t, []string{"ROTA_ADMIN=" + addr}, "ps"),
		"by file":        execute(t, []string{"ROTA_DATA=" + data}, "ps"),
		"by file, typed": execute(t, nil, "ps", "--data", data),
	} {
		if got.code != exitFine || !strings.Contains(got.stdout, "shop-web-1") {
			t.Errorf("%s: exit code %d, said %q and %q", name, got.code, got.stdout, got.stderr)
		}
	}
}

func TestPsSaysWhatToDoWhenNothingAnswers(t *testing.T) {
	addr := testrig.FreeAddress(t)
	got := execute(t, nil, "ps", "--admin", addr)
	if got.code != exitFailed {
		t.Errorf("exit code %d, want 1", got.code)
	}
	for _, words := range []string{addr, "--admin", "refused", "rota serve"} {
		if !strings.Contains(got.stderr, words) {
			t.Errorf("%q lacks %q", got.stderr, words)
		}
	}
}

func TestPsSaysThatATokenIsMissing(t *testing.T) {
	addr := running(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer s3cret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(example())
	})
	if got := execute(t, nil, "ps", "--admin", addr); got.code != exitFailed || !strings.Contains(got.stderr, "--admin-token") {
		t.Errorf("without a token: exit code %d, said %q", got.code, got.stderr)
	}
	if got := execute(t, []string{"ROTA_ADMIN_TOKEN=s3cret"}, "ps", "--admin", addr); got.code != exitFine {
		t.Errorf("with the token: exit code %d, said %q", got.code, got.stderr)
	}
}

func TestPsJSONIsTheAnswerOfTheAPI(t *testing.T) {
	got := execute(t, nil, "ps", "--json", "--admin", running(t, nil))
	var answer admin.ContainersAnswer
	if err := json.Unmarshal([]byte(got.stdout), &answer); err != nil {
		t.Fatalf("%v in %s", err, got.stdout)
	}
	if len(answer.Containers) != 4 || answer.Containers[0].Targets[0].State != "ready" || len(answer.Engines) != 1 {
		t.Errorf("the answer is %+v", answer)
	}
	all := execute(t, nil, "ps", "--json", "-a", "--admin", running(t, nil))
	if err := json.Unmarshal([]byte(all.stdout), &answer); err != nil || len(answer.Containers) != 5 {
		t.Errorf("with -a: %v, %d containers", err, len(answer.Containers))
	}
}

// lines is an output that ends the command after so many writes.
type lines struct {
	text []byte
	left int
	stop context.CancelFunc
}

func (l *lines) Write(text []byte) (int, error) {
	if l.left--; l.left == 0 {
		l.stop()
	}
	l.text = append(l.text, text...)
	return len(text), nil
}

func TestPsWatchShowsItAgainAndEndsInPeace(t *testing.T) {
	var asked atomic.Int32
	addr := running(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_ = json.NewEncoder(w).Encode(example())
	})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	out := &lines{left: 3, stop: stop}
	var stderr strings.Builder
	if code := Execute(ctx, []string{"ps", "-w", "--admin", addr}, nil, out, &stderr); code != exitFine {
		t.Errorf("exit code %d, said %q", code, stderr.String())
	}
	got := string(out.text)
	if strings.Count(got, "CONTAINER") != 2 || !strings.Contains(got, "no rota answers at "+addr) {
		t.Errorf("shown was\n%s", got)
	}
	if strings.Contains(got, "\x1b") {
		t.Errorf("a pipe got terminal sequences: %q", got)
	}
}

func TestPsWatchOfNothingIsAnError(t *testing.T) {
	if got := execute(t, nil, "ps", "-w", "--admin", testrig.FreeAddress(t)); got.code != exitFailed {
		t.Errorf("exit code %d, said %q", got.code, got.stderr)
	}
}
