package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/rota-proxy/rota/proxy"
)

// configured is what flags and variables come to, without the checks of all
// together.
func configured(t *testing.T, environ []string, args ...string) *config {
	t.Helper()
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	c := bindConfig(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	if err := environment(environ).applyTo(flags); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaults(t *testing.T) {
	want := &config{
		http:      ":80",
		https:     httpsAddress{addr: ":443"},
		discovery: discoveryConfig{expose: "labelled", defaultHost: "{{.Service}}.localhost", prefix: "rota"},
		admin:     adminConfig{addr: "127.0.0.1:9900"},
		bounds: proxy.Bounds{
			HeadTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, Stall: time.Minute, HeadBytes: 64 << 10, Fields: 200,
		},
		logs:   logConfig{level: "info"},
		linger: time.Minute,
		grace:  30 * time.Second,
	}
	got := configured(t, nil)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("without flags the configuration is %+v, want %+v", got, want)
	}
	if err := got.check(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
}

func TestFlagWinsOverVariableWinsOverDefault(t *testing.T) {
	environ := []string{"ROTA_HTTP=:1", "ROTA_GRACE=5s", "ROTA_ENTRY=a=:2,b=:3", "ROTA_DEBUG_HEADERS=true", "GRACE=9s"}
	c := configured(t, environ, "--http", ":9")
	if c.http != ":9" || c.grace != 5*time.Second || len(c.named) != 2 || !c.debug || c.linger != time.Minute {
		t.Errorf("the configuration is %+v", c)
	}
}

func TestEmptyVariableIsAValue(t *testing.T) {
	if c := configured(t, []string{"ROTA_HTTP="}); c.http != "" {
		t.Errorf("ROTA_HTTP= leaves --http at %q, want off", c.http)
	}
}

func TestListsMayBeGivenInEitherForm(t *testing.T) {
	a := configured(t, nil, "--entry", "a=:1", "--entry", "b=:2")
	b := configured(t, nil, "--entry", "a=:1, b=:2")
	if !reflect.DeepEqual(a.named, b.named) || len(a.named) != 2 {
		t.Errorf("%v and %v should be the same", a.named, b.named)
	}
}

func TestBadValuesNameWhatWasGivenAndWhatIsRight(t *testing.T) {
	for _, c := range []struct {
		flag, value string
		words       []string
	}{
		{"http", "80", []string{`"80"`, "colon", ":8080"}},
		{"entry", "x", []string{`"x"`, "name=address", "internal=10.0.0.5:8080"}},
		{"grace", "soon", []string{`"soon"`, "not a duration", "45s"}},
		{"linger", "-1s", []string{`"-1s"`, "negative", "90s"}},
		{"docker", "ssh://x", []string{`"ssh://x"`, "ssh"}},
		{"expose", "labeled", []string{`"labeled"`, "labelled, all", "labelled\n"}},
		{"access-log", "jsn", []string{`"jsn"`, "json"}},
		{"log-level", "verbose", []string{`"verbose"`, "debug, info, warn, error"}},
		{"trusted-proxies", "10.0.0.0/40", []string{"10.0.0.0/40"}},
		{"label-prefix", "Rota", []string{`"Rota"`}},
		{"debug-headers", "maybe", []string{`"maybe"`, "true nor false"}},
		{"admin", "9900", []string{`"9900"`, "127.0.0.1:9900"}},
	} {
		refused(t, nil, []string{"--" + c.flag + "=" + c.value}, append(c.words, "--"+c.flag)...)
		variable := variableOf(c.flag)
		refused(t, []string{variable + "=" + c.value}, nil, append(c.words, variable)...)
	}
}

func TestTokenIsNeverRepeated(t *testing.T) {
	for _, got := range []said{
		execute(t, nil, "--admin-token", "hunter2 x"),
		execute(t, []string{"ROTA_ADMIN_TOKEN=hunter2 x"}),
	} {
		if got.code != exitUsage || strings.Contains(got.stderr, "hunter2") {
			t.Errorf("exit code %d, said %q", got.code, got.stderr)
		}
	}
}

func TestWhatIsWrongTogetherIsRefused(t *testing.T) {
	for _, c := range []struct {
		args  string
		words []string
	}{
		{"--http= --https=", []string{"--http", "nothing to listen on"}},
		{"--docker unix:///a --docker b=unix:///b", []string{"--docker", "one"}},
		{"--docker off", []string{"--docker off", "--file", "nothing to serve"}},
		{"--docker off,unix:///a --file x.yml", []string{"--docker off", "no other engine"}},
		{"--entry a=:1 --entry a=:2", []string{"--entry a", "twice"}},
		{"--http :81 --entry a=:81", []string{"http and a", ":81"}},
		{"--entry a=:443", []string{"https and a", ":443"}},
		{"--certs /does/not/exist", []string{"--certs", "no such directory"}},
		{"--admin :9900", []string{"--admin", "--admin-token", "127.0.0.1:9900"}},
	} {
		refused(t, nil, strings.Fields(c.args), c.words...)
	}
}

func TestAdminBeyondLoopbackNeedsAToken(t *testing.T) {
	for addr, loopback := range map[string]bool{
		"127.0.0.1:9900":          true,
		"127.8.8.8:9900":          true,
		"localhost:9900":          true,
		"[::1]:9900":              true,
		"[::ffff:127.0.0.1]:9900": true,
		":9900":                   false,
		"0.0.0.0:9900":            false,
		"[::]:9900":               false,
		"10.0.0.1:9900":           false,
		"rota.internal:9900":      false,
		"localhost.evil.test:1":   false,
	} {
		if err := configured(t, nil, "--admin", addr).check(); (err == nil) != loopback {
			t.Errorf("--admin %s without a token: %v", addr, err)
		}
		if err := configured(t, nil, "--admin", addr, "--admin-token", "x").check(); err != nil {
			t.Errorf("--admin %s with a token: %v", addr, err)
		}
	}
}

func TestEntriesOfOneAddressMayShareAnyPort(t *testing.T) {
	c := configured(t, nil, "--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--entry", "a=127.0.0.1:0")
	if err := c.check(); err != nil {
		t.Error(err)
	}
	if got := fmt.Sprint(c.entries()); got != "[{http 127.0.0.1:0} {https 127.0.0.1:0} {a 127.0.0.1:0}]" {
		t.Errorf("the entries are %s", got)
	}
}

func TestDataFolder(t *testing.T) {
	home := environment{"HOME=/home/ann"}
	state := environment{"HOME=/home/ann", "XDG_STATE_HOME=/xdg"}
	for _, c := range []struct {
		given     string
		env       environment
		container bool
		want      string
	}{
		{"/srv/rota", state, true, "/srv/rota"},
		{"", home, true, "/data"},
		{"", state, false, "/xdg/rota"},
		{"", home, false, "/home/ann/.local/state/rota"},
		{"", environment{"HOME=/home/ann", "XDG_STATE_HOME=relative"}, false, "/home/ann/.local/state/rota"},
		{"", nil, false, "/var/lib/rota"},
	} {
		if got := dataFolder(c.given, c.env, c.container); got != c.want {
			t.Errorf("given %q, in a container %v, with %v: %s, want %s", c.given, c.container, c.env, got, c.want)
		}
		typed := strings.NewReplacer("/home/ann", "~", "/xdg", "$XDG_STATE_HOME").Replace(c.want)
		if c.given == "" && !strings.Contains(dataDefaultInWords, typed) {
			t.Errorf("the help text does not name %s: %s", typed, dataDefaultInWords)
		}
	}
}

func TestCertsMustBeAFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := configured(t, nil, "--certs", file).check(); err == nil {
		t.Error("a file is taken for a folder")
	}
	if err := configured(t, nil, "--certs", t.TempDir()).check(); err != nil {
		t.Error(err)
	}
}
