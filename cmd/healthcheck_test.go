package cmd

import (
	"net/http"
	"testing"

	"github.com/rota-proxy/rota/internal/testrig"
)

func TestHealthcheckKnowsTwoExitCodes(t *testing.T) {
	alive := running(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		_, _ = w.Write([]byte(`{"status":"ok"}`))
	})
	ailing := running(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{"--admin", alive}, 0},
		{[]string{"--admin", ailing}, 1},
		{[]string{"--admin", testrig.FreeAddress(t)}, 1},
		{[]string{"--admin", "nonsense"}, 1},
		{[]string{"--unknown"}, 1},
		{[]string{"argument"}, 1},
	} {
		if got := execute(t, nil, append([]string{"healthcheck"}, c.args...)...); got.code != c.want {
			t.Errorf("healthcheck %v: exit code %d, want %d; said %q", c.args, got.code, c.want, got.stderr)
		}
	}
}

func TestHealthcheckFindsItsRotaByFile(t *testing.T) {
	data := t.TempDir()
	addr := running(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"status":"ok"}`)) })
	if err := whereaboutsIn(data).write(addr); err != nil {
		t.Fatal(err)
	}
	if got := execute(t, []string{"ROTA_DATA=" + data}, "healthcheck"); got.code != exitFine || got.stdout != "ok\n" {
		t.Errorf("exit code %d, said %q and %q", got.code, got.stdout, got.stderr)
	}
}
