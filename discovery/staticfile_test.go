package discovery

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rota-proxy/rota/proxy/spec"
)

var updateStatic = flag.Bool("update-static", false, "write testdata/static/*.want anew from what the code does")

// Each case is a file of static Targets and, beside it, what becomes of it: why
// nothing of it is used, or its findings and Targets.
func TestStaticFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/static/*.yml")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, golden := understood(t, text), strings.TrimSuffix(file, "yml")+"want"
			if *updateStatic {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil || got != string(want) {
				t.Errorf("got\n%s\nwant (%v)\n%s", got, err, want)
			}
		})
	}
}

// understood is what becomes of a file that is read for the first time.
func understood(t testing.TB, text []byte) string {
	t.Helper()
	file, err := parseStaticFile(text)
	if err != nil {
		var fault FileError
		if !errors.As(err, &fault) {
			t.Fatalf("%v is no FileError", err)
		}
		return fmt.Sprintf("%d:%d: %s\n", fault.At.Line, fault.At.Column, fault.Text)
	}
	a := staticTestAssembler(t)
	var b strings.Builder
	if file.presets != nil {
		writeFindings(&b, []staticFinding{presetsFinding(*file.presets)})
	}
	for _, e := range file.entries {
		next, found := a.assemble(e, staticMemory{})
		writeFindings(&b, found)
		if next.defined {
			next.spec.ID = SourceFile + ":" + e.name
			writeSpec(&b, next.spec)
		}
	}
	return b.String()
}

func staticTestAssembler(t testing.TB) staticAssembler {
	t.Helper()
	hosts, err := newHostTemplate("")
	if err != nil {
		t.Fatal(err)
	}
	return staticAssembler{hosts: hosts, listeners: listeners{"http", "internal"}, around: surroundings{
		interfaces: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/24")},
		own:        []net.Addr{&net.TCPAddr{Port: 8000}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9900}},
	}}
}

func writeFindings(b *strings.Builder, found []staticFinding) {
	for _, f := range found {
		fmt.Fprintf(b, "%d:%d: %s %s: %s\n", f.at.Line, f.at.Column, f.Severity, f.Code, f.Text)
		for line := range strings.Lines(f.Fix) {
			fmt.Fprintf(b, "    %s\n", strings.TrimSpace(line))
		}
	}
}

// writeSpec leaves out what is the default.
func writeSpec(b *strings.Builder, s spec.Target) {
	fmt.Fprintf(b, "%s (%s)\n", s.ID, s.Source)
	for _, m := range s.Matches {
		fmt.Fprintf(b, "  match %s entries=%v priority=%d methods=%v headers=%v queries=%v clients=%v\n",
			m, m.Entries, m.Priority, m.Methods, m.Headers, m.Queries, m.Clients)
	}
	if s.Closed != "" {
		fmt.Fprintf(b, "  closed %s\n", s.Closed)
	}
	for _, u := range s.Upstreams {
		fmt.Fprintf(b, "  upstream %s at %s local=%t base=%q weight=%d host-header=%s tls=%+v %s\n",
			u.ID, u.Address, u.Local, u.Base, u.Weight, u.HostHeader, u.TLS, u.Phase)
	}
	plain := spec.NewTarget("")
	for _, o := range []struct{ name, got, standard any }{
		{"balance", s.Balance, plain.Balance}, {"retry", s.Retry.Attempts, plain.Retry.Attempts},
		{"retry.budget", s.Retry.Budget, plain.Retry.Budget}, {"retry.status", fmt.Sprint(s.Retry.Statuses), "[]"},
		{"wait", s.Wait.For, plain.Wait.For}, {"wait.max", s.Wait.Max, plain.Wait.Max}, {"drain", s.Drain, plain.Drain},
		{"timeout", s.Timeout, plain.Timeout},
	} {
		if o.got != o.standard {
			fmt.Fprintf(b, "  %s %+v\n", o.name, o.got)
		}
	}
}

// Whatever stands in a file, no Target comes of a part of an entry, and what
// comes of it is right by itself.
func FuzzStaticFile(f *testing.F) {
	files, err := filepath.Glob("testdata/static/*.yml")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := parseStaticFile(text)
		if err != nil {
			if len(file.entries) > 0 || err.Error() == "" {
				t.Errorf("%d entries beside the error %q", len(file.entries), err)
			}
			return
		}
		a := staticTestAssembler(t)
		for _, e := range file.entries {
			checkStaticTarget(t, a, e)
		}
	})
}

func checkStaticTarget(t *testing.T, a staticAssembler, e staticEntry) {
	t.Helper()
	next, found := a.assemble(e, staticMemory{})
	again, _ := a.assemble(e, staticMemory{})
	if !next.spec.Equal(again.spec) || next.defined != again.defined {
		t.Errorf("two readings differ: %+v and %+v", next, again)
	}
	errors := 0
	for _, f := range found {
		if f.Severity == Error {
			errors++
		}
	}
	if !next.defined {
		if errors < 2 {
			t.Errorf("the Target %q is not created, and why is not said: %+v", e.name, found)
		}
		return
	}
	if len(next.spec.Upstreams) == 0 || len(next.spec.Upstreams) != len(e.upstreams) || len(next.spec.Matches) == 0 {
		t.Errorf("of the Target %q only a part came: %+v", e.name, next.spec)
	}
	next.spec.ID = SourceFile + ":" + e.name
	if err := next.spec.Validate(); err != nil {
		t.Errorf("the Target %q: %v", e.name, err)
	}
}
