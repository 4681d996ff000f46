package labels

import (
	"slices"
	"strings"
	"testing"
)

// reservedWords are never Targets' names, by contract, whatever comes later.
var reservedWords = strings.Fields(`
	host path method header query client priority entry
	port scheme network base weight host-header
	balance sticky health eject slow-start retry wait drain timeout circuit inflight hedge mirror deploy idle
	redirect allow deny rate cors auth body strip prefix rewrite request-header response-header headers compress errors cache use
	tls sni tcp udp name enable expose group log trace`)

func TestReservedWordsNameNoTarget(t *testing.T) {
	for _, word := range reservedWords {
		d := Decode(Options{}, map[string]string{"rota." + word + ".host": "a.test"})
		if slices.ContainsFunc(d.Targets, func(t Target) bool { return t.Name == word }) {
			t.Errorf("%s names a Target", word)
		}
	}
	if len(theGrammar.groups) != len(reservedWords) {
		t.Errorf("the table has %d first words, the contract %d", len(theGrammar.groups), len(reservedWords))
	}
}

func TestRowsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range Grammar() {
		if seen[o.Key] || seen[strings.TrimSuffix(o.Key, ".")] || seen[o.Key+"."] {
			t.Errorf("%s is there twice", o.Key)
		}
		seen[o.Key] = true
		if o.Section == "" || o.Scope == "" || o.Family() && o.Name == "" {
			t.Errorf("%s lacks section, scope or name", o.Key)
		}
		if o.Available() != (o.set != nil) {
			t.Errorf("%s: since %q, but it has a setter: %v", o.Key, o.Since, o.set != nil)
		}
		if o.Available() && (o.Type == "" || o.Help == "" || o.Example == "") {
			t.Errorf("%s lacks type, help or example", o.Key)
		}
	}
}

func TestExamplesAreRight(t *testing.T) {
	for _, o := range Grammar() {
		if !o.Available() {
			continue
		}
		labels := map[string]string{o.Label(DefaultPrefix): o.Example}
		if o.Parent != "" {
			labels["rota."+o.Parent] = theGrammar.byKey[o.Parent].Example
		}
		d := Decode(Options{}, labels)
		if problems := problemsOf(d); len(problems) > 0 {
			t.Errorf("%s: %v", o.Key, problems)
		}
	}
}

// A default that can be typed must mean what leaving the option out means.
func TestDefaultsAreWhatTheTableSays(t *testing.T) {
	for _, o := range Grammar() {
		if !o.Available() || o.set == nil || o.Scope == ContainerWide || strings.ContainsAny(o.Default, " ") || o.Default == "" {
			continue
		}
		if o.Default == "any" || o.Default == "none" {
			continue
		}
		set, unset := newDraft("", newAllowance()), newDraft("", newAllowance())
		if err := o.set(set, label{value: o.Default}); err != nil {
			t.Errorf("%s: the default %q is refused: %v", o.Key, o.Default, err)
		}
		set.claim()
		unset.claim()
		if !set.Spec.EqualDefinition(unset.Spec) || set.Upstream != unset.Upstream {
			t.Errorf("%s: %q is not the default", o.Key, o.Default)
		}
	}
}

func TestFind(t *testing.T) {
	for typed, want := range map[string]string{
		"host": "host", "rota.host": "host", "timeout.dial": "timeout.dial",
		"header": "header.", "header.": "header.", "rota.header.X-Env": "header.", "auth.jwt.claim.a.b": "auth.jwt.claim.",
		"rota.admin.host": "host", "admin.timeout.dial": "timeout.dial",
		"hots": "", "auth": "", "": "", "timeout.": "",
	} {
		if o, found := Find(typed); o.Key != want || found != (want != "") {
			t.Errorf("Find(%q) = %q, %v, want %q", typed, o.Key, found, want)
		}
	}
}

func TestNearestOption(t *testing.T) {
	for typed, want := range map[string]string{
		"hots": "host", "rota.tiemout.dial": "timeout.dial", "whitelist": "allow", "Host": "host", "frobnicate": "", "rota.admin.prot": "port",
	} {
		if got := Nearest(typed); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", typed, got, want)
		}
	}
}

func TestBelow(t *testing.T) {
	if got := keysOf(Below("timeout")); !slices.Equal(got, []string{"timeout.dial", "timeout.idle", "timeout.stall", "timeout.total"}) {
		t.Errorf("below timeout: %v", got)
	}
	if got := Below("host"); len(got) > 0 {
		t.Errorf("below host: %v", got)
	}
}
