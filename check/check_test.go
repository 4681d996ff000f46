package check

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rota-proxy/rota/discovery"
)

// write makes a file in a folder of its own and answers its path.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func codesOf(r Report) string {
	var all []string
	for _, f := range r.Findings {
		all = append(all, string(f.Code))
	}
	return strings.Join(all, " ")
}

func TestComposeFileOfOurOwnIsRight(t *testing.T) {
	report, err := Compose(t.Context(), Options{}, []string{"../docker-compose.yml"})
	if err != nil || len(report.Findings) > 0 || report.Subjects != 2 {
		t.Errorf("got %+v, %v", report, err)
	}
}

func TestVariablesAreThoseOfComposeItself(t *testing.T) {
	file := write(t, "compose.yml", "services:\n  web:\n    image: nginx\n    labels: { rota.host: \"${HOST_OF_SHOP}\" }\n")
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), ".env"), []byte("HOST_OF_SHOP=shop.test:80\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, environ := range map[string][]string{
		`"shop.test:80"`: nil,                         // .env beside the file
		`"a.test:443"`:   {"HOST_OF_SHOP=a.test:443"}, // which the environment overrules
	} {
		report, err := Compose(t.Context(), Options{Environ: environ}, []string{file})
		if err != nil || codesOf(report) != "bad-option" || !strings.Contains(report.Findings[0].Text, want) {
			t.Errorf("with %q: %+v, %v; want one about %s", environ, report, err, want)
		}
	}
}

func TestWrongCallsAreErrors(t *testing.T) {
	for want, call := range map[string]func() (Report, error){
		"there is no file": func() (Report, error) { return Compose(t.Context(), Options{}, []string{"none.yml"}) },
		"no regular file":  func() (Report, error) { return Compose(t.Context(), Options{}, []string{t.TempDir()}) },
		"is no file none":  func() (Report, error) { return Static(Options{}, "none.routes") },
		"default host":     func() (Report, error) { return Labels(withHost("{{.Nobody}}"), "stdin", nil) },
	} {
		if _, err := call(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

func withHost(template string) Options {
	return Options{PlanOptions: discovery.PlanOptions{DefaultHost: template}}
}

// What may be a secret is in no excerpt, wherever on the line the finding is.
func TestSecretsAreInNoExcerpt(t *testing.T) {
	for _, labels := range []string{
		`{ rota.prot: "1", rota.auth.basic: "ops:hunter2" }`,
		`{ rota.auth.basic: "ops:hunter2", rota.prot: "1" }`,
		`[ rota.prot=1, "rota.auth.basic=ops:hunter2" ]`,
		`{ rota.auth.forward: "http://ops:hunter2@auth.test", rota.prot: "1" }`,
		`{ com.example.password: hunter2, rota.prot: "1" }`,
	} {
		report, err := Compose(t.Context(), Options{}, []string{write(t, "compose.yml", "services:\n  web:\n    image: nginx\n    labels: "+labels+"\n")})
		if err != nil || len(report.Findings) < 2 {
			t.Errorf("of %s: %+v, %v", labels, report, err)
		}
		if text := fmt.Sprintf("%+v", report); strings.Contains(text, "hunter2") {
			t.Errorf("of %s is shown: %s", labels, text)
		}
	}
}

// A caret stands below what is meant, whatever stands before it.
func TestCaretStandsBelowWhatIsMeant(t *testing.T) {
	s := newSource("x", []byte("äö\x1b\tword\n"))
	_, _, excerpt, caret := place{source: s, line: 1, column: 5, width: 4}.show()
	if want := `äö\x1b word`; excerpt != want || caret != strings.Repeat(" ", 7)+"^~~~" {
		t.Errorf("got\n%s\n%s", excerpt, caret)
	}
}

func BenchmarkFiftyServices(b *testing.B) {
	var text strings.Builder
	text.WriteString("services:\n")
	for i := range 50 {
		fmt.Fprintf(&text, "  web%d:\n    image: nginx\n    expose: [\"80\"]\n    labels:\n      rota.host: web%d.test\n      rota.wait: 10s\n      rota.prot: \"80\"\n", i, i)
	}
	file := write(b, "compose.yml", text.String())
	for b.Loop() {
		report, err := Compose(b.Context(), Options{}, []string{file})
		if err != nil || len(report.Findings) != 50 {
			b.Fatalf("%d findings, %v", len(report.Findings), err)
		}
	}
}
