package cmd

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rota-proxy/rota/discovery/labels"
)

// values runs a parser over texts: want is what becomes of each, "!" means that
// it is refused.
func values[T any](t *testing.T, parse func(string) (T, error), want map[string]string) {
	t.Helper()
	for text, expected := range want {
		value, err := parse(text)
		got := fmt.Sprint(value)
		if err != nil {
			got = "!"
		}
		if got != expected {
			t.Errorf("%q becomes %s, want %s (%v)", text, got, expected, err)
		}
	}
}

func TestParseAddress(t *testing.T) {
	values(t, parseAddress, map[string]string{
		":80": ":80", "127.0.0.1:0": "127.0.0.1:0", "[::1]:8080": "[::1]:8080", "localhost:1": "localhost:1",
		"": "!", "80": "!", "localhost": "!", ":http": "!", ":-1": "!", ":65536": "!", "::1:80": "!",
		"http://x:80": "!", "a b:80": "!", "a\x1b:80": "!", "/var/run/x:1": "!",
	})
}

func TestParseEntry(t *testing.T) {
	values(t, parseEntry, map[string]string{
		"internal=:8080": "{internal :8080}", "a-1=10.0.0.1:80": "{a-1 10.0.0.1:80}", "back_office=:81": "{back_office :81}",
		"internal": "!", "=:80": "!", "Internal=:80": "!", "a b=:80": "!", "_a=:80": "!", "x=80": "!", "http=:80": "!", "https=:443": "!",
	})
}

// The name of every listener can be asked for by a label, and the other way round.
func TestEntryNamesAreThoseThatLabelsTake(t *testing.T) {
	for _, name := range []string{"a", "a_b-1", "_a", "-a", "A", "a.b", "1", strings.Repeat("a", 63), strings.Repeat("a", 64)} {
		_, err := parseEntry(name + "=:80")
		decoded := labels.Decode(labels.Options{}, map[string]string{"rota.entry": name})
		if taken := len(decoded.Targets[0].Problems) == 0; taken != (err == nil) {
			t.Errorf("%q: the label takes it: %t; the flag says %v", name, taken, err)
		}
	}
}

func TestParseEngine(t *testing.T) {
	values(t, parseEngine, map[string]string{
		"unix:///var/run/docker.sock":  "{docker unix:///var/run/docker.sock}",
		"tcp://10.0.0.1:2376":          "{docker tcp://10.0.0.1:2376}",
		"east=tcp://10.0.0.1:2376":     "{east tcp://10.0.0.1:2376}",
		"unix:///run/a=b.sock":         "{docker unix:///run/a=b.sock}",
		"off":                          "{off }",
		"east=off":                     "!",
		"":                             "!",
		"/var/run/docker.sock":         "!",
		"ssh://host":                   "!",
		"http://10.0.0.1":              "!",
		"unix://":                      "!",
		"a b=unix:///var/run/x.docker": "!",
	})
}

func TestParseNetwork(t *testing.T) {
	values(t, parseNetwork, map[string]string{
		"10.0.0.0/8": "10.0.0.0/8", "10.1.2.3/8": "10.0.0.0/8", "192.168.1.7": "192.168.1.7/32", "fd00::/8": "fd00::/8",
		"::1": "::1/128", "::ffff:10.0.0.1": "10.0.0.1/32", "10.0.0.0/33": "!", "ten": "!", "10.0.0": "!",
	})
}

func TestParseDuration(t *testing.T) {
	values(t, parseDuration, map[string]string{
		"1m": "1m0s", "0": "0s", "0s": "0s", "1h30m": "1h30m0s", "": "!", "5": "!", "-1s": "!", "1 m": "!", "soon": "!",
	})
}

func TestParseToken(t *testing.T) {
	values(t, parseToken, map[string]string{"s3cret!": "s3cret!", "": "", "a b": "!", "a\n": "!", "é": "!"})
}

func TestParseLabelPrefix(t *testing.T) {
	values(t, parseLabelPrefix, map[string]string{
		"rota": "rota", "com.example.rota": "com.example.rota", "rota-demo-7": "rota-demo-7",
		"": "!", "Rota": "!", "rota.": "!", ".rota": "!", "a..b": "!", "a b": "!",
	})
}

func TestParseSwitch(t *testing.T) {
	values(t, parseSwitch, map[string]string{"true": "true", "1": "true", "false": "false", "0": "false", "yes": "!", "": "!"})
}

func TestParseText(t *testing.T) {
	values(t, parseText, map[string]string{"": "", "web": "web", "a\x00b": "!", "a\x1b[2J": "!", "\xff": "!"})
}

func TestParseTemplate(t *testing.T) {
	values(t, parseTemplate, map[string]string{
		"{{.Service}}.test": "{{.Service}}.test", `{{.Label "x"}}.test`: `{{.Label "x"}}.test`, "a.test": "a.test",
		"{{.Service": "!", "{{nope .Service}}": "!", "a\x1b": "!",
	})
}
