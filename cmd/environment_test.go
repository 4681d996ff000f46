package cmd

import (
	"slices"
	"testing"
)

func TestLookup(t *testing.T) {
	env := environment{"A=1", "B=", "A=2=3", "C"}
	for name, want := range map[string]string{"A": "2=3", "B": ""} {
		if got, ok := env.lookup(name); !ok || got != want {
			t.Errorf("%s is %q %v, want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{"C", "D"} {
		if got, ok := env.lookup(name); ok {
			t.Errorf("%s is set to %q", name, got)
		}
	}
}

func TestUnknownVariablesComeWithTheNearest(t *testing.T) {
	env := environment{"ROTA_HTPP=:80", "ROTA_HTTP=:80", "ROTA_XYZZY=1", "PATH=/bin", "ROTA_WATCH=true", "ROTA=1"}
	want := []unknownVariable{{"ROTA_HTPP", "ROTA_HTTP"}, {"ROTA_XYZZY", ""}}
	if got := env.unknown(newRootCommand(env)); !slices.Equal(got, want) {
		t.Errorf("unknown are %v, want %v", got, want)
	}
}

// The contract: a flag F of any command is ROTA_F in the environment.
func TestVariablesAreNamedAfterFlags(t *testing.T) {
	for flag, want := range map[string]string{"http": "ROTA_HTTP", "admin-token": "ROTA_ADMIN_TOKEN"} {
		if got := variableOf(flag); got != want {
			t.Errorf("--%s is %s, want %s", flag, got, want)
		}
	}
}
