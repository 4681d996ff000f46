package labels

import (
	"crypto/tls"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rota-proxy/rota/proxy/spec"
)

var update = flag.Bool("update", false, "write the golden files anew from what the code does")

// A golden case is a file: labels above the line `---`, below it what they mean.
//
//	# a comment
//	@prefix: mine                 an option of decoding; also @expose-all: true
//	rota.host: a.test             a label
//	"rota.a\x00": "b\n"           either side may be a Go string
//	rota.host: "a" * 20000        repeated
//	---
//	…

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("golden files: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { testGolden(t, file) })
	}
}

func testGolden(t *testing.T, file string) {
	input, want := readGolden(t, file)
	options, labels := parseGolden(t, input)
	got := describe(Decode(options, labels))
	if *update {
		if err := os.WriteFile(file, []byte(input+"---\n"+got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("labels\n%s\ngot\n%s\nwant\n%s", input, got, want)
	}
}

func readGolden(t *testing.T, file string) (input, want string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	input, want, found := strings.Cut(string(text), "---\n")
	if !found {
		t.Fatalf("%s has no line ---", file)
	}
	return input, want
}

func parseGolden(t *testing.T, input string) (Options, map[string]string) {
	t.Helper()
	var options Options
	labels := map[string]string{}
	for line := range strings.Lines(input) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value := parseGoldenLine(t, line)
		switch key {
		case "@prefix":
			options.Prefix = value
		case "@expose-all":
			options.ExposeAll = value == "true"
		default:
			labels[key] = value
		}
	}
	return options, labels
}

func parseGoldenLine(t *testing.T, line string) (key, value string) {
	t.Helper()
	if quoted, err := strconv.QuotedPrefix(line); err == nil {
		key, value = quoted, strings.TrimPrefix(line[len(quoted):], ": ")
	} else {
		key, value, _ = strings.Cut(line, ": ")
	}
	if quoted, times, isRepeated := strings.Cut(value, "\" * "); isRepeated {
		n, err := strconv.Atoi(times)
		if err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		return unquote(t, key), strings.Repeat(unquote(t, quoted+`"`), n)
	}
	return unquote(t, key), unquote(t, value)
}

func unquote(t *testing.T, s string) string {
	t.Helper()
	if !strings.HasPrefix(s, `"`) {
		return s
	}
	text, err := strconv.Unquote(s)
	if err != nil {
		t.Fatalf("unquoting %s: %v", s, err)
	}
	return text
}

// describe writes what was decoded for people, leaving out what is the default.
func describe(d Decoded) string {
	var b strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }
	line("%s", exposure(d))
	if d.Name != "" {
		line("name %s", d.Name)
	}
	describeProblems(line, d.Problems)
	for _, t := range d.Targets {
		line("target %s%s", t.Name, flags(t))
		describeSpec(line, t.Spec)
		describeUpstream(line, t.Upstream)
		describeProblems(line, t.Problems)
	}
	return b.String()
}

func exposure(d Decoded) string {
	switch {
	case d.Exposed && !d.Hidden:
		return "exposed"
	case d.Hidden && !d.Exposed:
		return "hidden"
	case d.Hidden:
		return "BOTH EXPOSED AND HIDDEN"
	}
	return "not exposed"
}

func flags(t Target) string {
	var text string
	for _, flag := range []struct {
		name string
		is   bool
	}{
		{"(default)", t.Name == ""},
		{" needs-host", t.NeedsHost},
		{" guarded", t.Guarded},
		{" TARGET-BAD", t.TargetBad},
		{" UPSTREAM-BAD", t.UpstreamBad},
		{" ACCESS-BAD", t.AccessBad},
	} {
		if flag.is {
			text += flag.name
		}
	}
	return text
}

func describeProblems(line func(string, ...any), problems []Problem) {
	for _, p := range problems {
		word := "error"
		if p.Warning {
			word = "warning"
		}
		line("  %s %s", word, p)
	}
}

var hostKinds = map[spec.HostKind]string{
	spec.ExactHost: "exact", spec.TemplateHost: "template", spec.WildcardHost: "wildcard", spec.AnyHost: "any",
}

func describeSpec(line func(string, ...any), s spec.Target) {
	for _, m := range s.Matches {
		text := fmt.Sprintf("match %s %s", hostKinds[m.Host.Kind], m)
		if len(m.Entries) > 0 {
			text += " entry=" + strings.Join(m.Entries, ",")
		}
		if m.Priority != 0 {
			text += fmt.Sprintf(" priority=%d", m.Priority)
		}
		line("  %s", text)
	}
	standard := spec.NewTarget("")
	different(line, "closed", s.Closed, standard.Closed)
	different(line, "balance", s.Balance, standard.Balance)
	different(line, "retry", s.Retry.Attempts, standard.Retry.Attempts)
	if len(s.Retry.Statuses) > 0 {
		line("  retry.status %v", s.Retry.Statuses)
	}
	different(line, "retry.budget", s.Retry.Budget, standard.Retry.Budget)
	different(line, "wait", s.Wait.For, standard.Wait.For)
	different(line, "wait.max", s.Wait.Max, standard.Wait.Max)
	different(line, "drain", s.Drain, standard.Drain)
	different(line, "timeout", s.Timeout.Response, standard.Timeout.Response)
	different(line, "timeout.dial", s.Timeout.Dial, standard.Timeout.Dial)
	different(line, "timeout.idle", s.Timeout.Idle, standard.Timeout.Idle)
	different(line, "timeout.stall", s.Timeout.Stall, standard.Timeout.Stall)
	different(line, "timeout.total", s.Timeout.Total, standard.Timeout.Total)
	different(line, "tls", s.TLS.Certificate, "")
	different(line, "tls.min", tls.VersionName(s.TLS.Min), tls.VersionName(standard.TLS.Min))
	different(line, "tls.client-ca", s.TLS.ClientCA, "")
	different(line, "tls.hsts", s.TLS.HSTS, "")
	different(line, "redirect off", s.TLS.Plain, false)
}

func describeUpstream(line func(string, ...any), u Upstream) {
	different(line, "port", u.Port, 0)
	different(line, "scheme", u.Scheme, spec.HTTP)
	different(line, "scheme.name", u.TLS.Name, "")
	different(line, "scheme.verify", !u.TLS.SkipVerify, true)
	different(line, "scheme.cert", u.TLS.Certificate, "")
	different(line, "network", u.Network, "")
	different(line, "base", u.Base, "")
	different(line, "weight", u.Weight, 1)
	different(line, "host-header", u.HostHeader, spec.HostKeep)
}

func different[T comparable](line func(string, ...any), name string, got, standard T) {
	if got != standard {
		line("  %s %v", name, got)
	}
}
