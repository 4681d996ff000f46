package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/rota-proxy/rota/discovery/labels"
)

// runLabels runs `rota labels` and returns what it printed.
func runLabels(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	command := newLabelsCommand()
	command.SilenceErrors, command.SilenceUsage = true, true
	command.SetOut(&out)
	command.SetArgs(args)
	err := command.ExecuteContext(t.Context())
	return out.String(), err
}

func TestLabelsPrints(t *testing.T) {
	for _, c := range []struct {
		args string
		want []string
	}{
		{"", []string{"MATCHING", "UPSTREAM", "timeout.dial", "NOT IN THIS VERSION", "sticky", "auth.basic*"}},
		{"timeout", []string{"rota.timeout\n", "60s", `rota.timeout: "5s"`, "timeout.dial, timeout.idle"}},
		{"rota.admin.host", []string{"rota.host\n"}},
		{"header", []string{"rota.header.NAME\n", "rota.header.X-Env"}},
		{"sticky", []string{"not in this version"}},
		{"auth", []string{"rota.auth.basic   (not in this version)", "rota.auth.jwt.claim.NAME"}},
	} {
		got, err := runLabels(t, strings.Fields(c.args)...)
		if err != nil {
			t.Errorf("rota labels %s: %v", c.args, err)
		}
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("rota labels %s lacks %q:\n%s", c.args, want, got)
			}
		}
	}
}

func TestLabelsRefusesWhatIsNoOption(t *testing.T) {
	for args, want := range map[string]string{
		"hots":              "did you mean rota labels host?",
		"rota.tiemout.dial": "did you mean rota labels timeout.dial?",
		"frobnicate":        `there is no option "frobnicate".`,
	} {
		_, err := runLabels(t, strings.Fields(args)...)
		var usage usageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), want) {
			t.Errorf("rota labels %s: %v, want a usage error with %q", args, err, want)
		}
	}
}

func TestLabelsAsJSON(t *testing.T) {
	text, err := runLabels(t, "--json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []labels.Option
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(labels.Grammar()) || rows[0].Key != "enable" || rows[0].Scope != labels.ContainerWide {
		t.Errorf("got %d rows, the first %+v", len(rows), rows[0])
	}
	text, err = runLabels(t, "timeout.dial", "--json")
	var row labels.Option
	if err := errors.Join(err, json.Unmarshal([]byte(text), &row)); err != nil || row.Parent != "timeout" {
		t.Errorf("got %+v, %v", row, err)
	}
}

func TestLabelsAsMarkdownIsTheReference(t *testing.T) {
	want, err := os.ReadFile("../docs/labels.md")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := runLabels(t, "--markdown"); err != nil || got != string(want) {
		t.Errorf("rota labels --markdown differs from docs/labels.md (%v)", err)
	}
}
